import type { Span } from '@opentelemetry/api';
import type { Actor, AuditEventInit } from '../../event/event.js';
import { invalidOption, requireCount, requireMembers } from '../../http/options.js';
import { currentActor } from '../actor.js';
import { refusePromise } from '../audit-request.js';
import {
  type ClientAddress,
  compileTrustProxy,
  type TrustProxy,
  withAddress,
} from '../client-address.js';
import { checkRecordOptions, type RecordOptions, recordAudits, tellFault } from '../record.js';
import type { HttpCall } from './call.js';
import { type Ending, outcomeOf } from './ending.js';
import { type AuditingRoute, type HttpRoute, readRoute } from './route.js';
import {
  compileRoutes,
  pathOf,
  type RouteMatch,
  type RouteTable,
  type Routing,
} from './route-table.js';
import { serverSpan } from './server-span.js';

/** What an HTTP interceptor takes. */
export interface HttpAuditOptions<Call extends HttpCall = HttpCall> extends RecordOptions {
  /**
   * What to audit: `'POST /flags': 'flag:create'`. A key is a method, or `*`, and a whole path, where
   * `:name` stands for a segment and `*` at the end for the rest; a literal goes before a `:name`.
   * GET stands for HEAD too. Letter case and slashes that are doubled or trailing do not matter.
   */
  readonly routes: { readonly [route: string]: HttpRoute<Call> };
  /**
   * Who it was. Called at the end, when everybody is known; its `ip`, if it names none, is the call's.
   * Default: the actor of the innermost `auditActor` round what ended the answer.
   */
  readonly actor?:
    | ((call: Call) => Actor | (Actor & { readonly [key: string]: unknown }) | undefined)
    | undefined;
  /** Whose `X-Forwarded-For` counts. Default: nobody's. */
  readonly trustProxy?: TrustProxy | undefined;
  /** Whether what failed is recorded: an answer of 5xx, a handler that threw. Default: false. */
  readonly failures?: boolean | undefined;
  /** How much of a body is kept to choose from, and what is picked of it. Default: 65 536; at most 16 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /**
   * Milliseconds that a handler has to answer after its client hung up. Who has not by then is recorded as
   * `failed`. Default: 30 000.
   */
  readonly unansweredMs?: number | undefined;
}

/** What is known of a call as it comes in. */
export interface CallStart extends Routing {
  readonly method: string;
  /** The request's target: a path with a query, or an absolute URL. */
  readonly target: string;
  /** The connection's address. */
  readonly remote: string | undefined;
  /** `X-Forwarded-For`. */
  readonly forwarded: string | undefined;
  /** What the framework gives its handlers, by the names under which the user's functions get it. */
  readonly native: object;
}

/** A call that is to be audited. */
export interface OpenCall {
  /** The body to read for {@link OpenCall.end}. */
  readonly body: 'request' | 'response' | undefined;
  /**
   * Records the call; to be called once. Never throws. With `durable` a promise, if there is something to
   * record, that rejects if it cannot be.
   */
  end(ending: Ending, body: () => unknown): void | Promise<void>;
}

const MAX_BODY_BYTES = 16 * 2 ** 20;
const MAX_UNANSWERED_MS = 2 ** 31 - 1; // setTimeout's bound
const MEMBERS: readonly (keyof HttpAuditOptions)[] = [
  'routes',
  'actor',
  'trustProxy',
  'failures',
  'maxBodyBytes',
  'unansweredMs',
  'checker',
  'sender',
  'durable',
  'timeoutMs',
];

/** Audits the calls of one server; what all adapters share. */
export class Auditor<Call extends HttpCall> {
  readonly #options: HttpAuditOptions<Call>;
  readonly #routes: RouteTable<AuditingRoute<Call>>;
  readonly #clientAddress: ClientAddress;
  /** Requests that are being audited, where there is no answer of Node's to tell. */
  readonly seen = new WeakSet<object>();
  readonly maxBodyBytes: number;
  readonly unansweredMs: number;
  readonly isDurable: boolean;

  /** @throws {AuditError} `invalid-option`, naming the interceptor and the option */
  constructor(where: string, options: HttpAuditOptions<Call>) {
    requireMembers(where, options, MEMBERS);
    checkRecordOptions(where, options);
    const { routes, actor, failures, maxBodyBytes = 65_536, unansweredMs = 30_000 } = options;
    if (typeof routes !== 'object' || routes === null || Array.isArray(routes)) {
      throw invalidOption(
        `${where}.routes`,
        "must be an object, as { 'POST /flags': 'flag:create' }",
      );
    }
    if (actor !== undefined && typeof actor !== 'function') {
      throw invalidOption(`${where}.actor`, 'must be a function');
    }
    if (failures !== undefined && typeof failures !== 'boolean') {
      throw invalidOption(`${where}.failures`, 'must be true or false');
    }
    this.maxBodyBytes = requireCount(`${where}.maxBodyBytes`, maxBodyBytes, MAX_BODY_BYTES);
    this.unansweredMs = requireCount(`${where}.unansweredMs`, unansweredMs, MAX_UNANSWERED_MS);
    this.#clientAddress = compileTrustProxy(`${where}.trustProxy`, options.trustProxy);
    this.isDurable = options.durable === true;
    this.#options = options;
    this.#routes = compileRoutes(
      `${where}.routes`,
      Object.entries(routes).map(([route, given]) => [
        route,
        readRoute(`${where}.routes[${JSON.stringify(route)}]`, given, options, this.maxBodyBytes),
      ]),
    );
  }

  /** A call as it comes in; undefined for one that is not to be audited. */
  open(start: CallStart): OpenCall | undefined {
    const match = this.#routes.find(start.method, start.target, start);
    if (match === undefined || !match.target.isWanted()) return undefined;
    const ip = this.#clientAddress(start.remote, start.forwarded);
    const span = serverSpan();
    return {
      body: match.target.body,
      end: (ending, body) => {
        const outcome = outcomeOf(ending, this.#options.failures === true);
        if (outcome === undefined) return;
        const audit = () => this.#initsOf(start, match, { ip, outcome, ending, body });
        return this.isDurable ? this.#recordDurably(audit, span) : this.#record(audit, span);
      },
    };
  }

  #record(audit: () => AuditEventInit[], span: Span | undefined): void {
    recordAudits(audit, this.#options, span);
  }

  /** Where there is nothing to record the answer need not even wait for a promise. */
  #recordDurably(audit: () => AuditEventInit[], span: Span | undefined): Promise<void> | undefined {
    try {
      const inits = audit();
      if (inits.length === 0) return undefined;
      return recordAudits(inits, { ...this.#options, durable: true }, span);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #initsOf(
    { method, target, native }: CallStart,
    { target: route, route: name, params }: RouteMatch<AuditingRoute<Call>>,
    { ip, outcome, ending, body }: Ended,
  ): AuditEventInit[] {
    const call: Record<string, unknown> & HttpCall = {
      method,
      path: pathOf(target),
      route: name,
      params,
      ip,
      outcome,
      status: ending.status,
      hungUp: ending.hungUp === true,
      error: ending.error,
      body: body(),
    };
    for (const name of Object.keys(native)) call[name] = (native as typeof call)[name];
    const whole = call as unknown as Call;
    const inits = route.initsOf(whole);
    if (inits.length === 0) return inits;
    const actor = this.#actorOf(whole);
    return inits.map((init) => ({ ...init, actor: withAddress(init.actor ?? actor, ip) }));
  }

  #actorOf(call: Call): Actor | undefined {
    try {
      return this.#options.actor === undefined
        ? currentActor()
        : refusePromise(this.#options.actor(call));
    } catch (error) {
      if (this.isDurable) throw error;
      tellFault('the actor of an audited HTTP call is left out', error);
      return undefined;
    }
  }
}

interface Ended {
  readonly ip: string | undefined;
  readonly outcome: HttpCall['outcome'];
  readonly ending: Ending;
  readonly body: () => unknown;
}
