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
    return new OpenCall(this, start, match, ip, serverSpan());
  }

  /** For {@link OpenCall.end}. */
  ended(call: OpenCall, ending: Ending, body: () => unknown): void | Promise<void> {
    const outcome = outcomeOf(ending, this.#options.failures === true);
    if (outcome === undefined) return;
    const audit = () => this.#initsOf(call, outcome, ending, body);
    return this.isDurable
      ? this.#recordDurably(audit, call.span)
      : recordAudits(audit, this.#options, call.span);
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
    { start, target, match, ip }: OpenCall,
    outcome: HttpCall['outcome'],
    ending: Ending,
    body: () => unknown,
  ): AuditEventInit[] {
    const { method, native } = start;
    const route = match.target as AuditingRoute<Call>;
    const call: Record<string, unknown> & HttpCall = {
      method,
      path: pathOf(target),
      route: match.route,
      params: match.params,
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

type Match = RouteMatch<Pick<AuditingRoute<HttpCall>, 'body'>>;

/** What a call tells when it ends; an {@link Auditor}, whatever its calls are. */
interface Ender {
  ended(call: OpenCall, ending: Ending, body: () => unknown): void | Promise<void>;
}

/**
 * A call that is to be audited. A class, for V8 may put a literal where only a full collection finds it, and with it
 * the whole request that it leads to.
 */
export class OpenCall {
  /** As it came in: a handler may rewrite it. */
  readonly target: string;
  readonly start: CallStart;
  readonly match: Match;
  readonly ip: string | undefined;
  readonly span: Span | undefined;
  readonly #ender: Ender;

  constructor(
    ender: Ender,
    start: CallStart,
    match: Match,
    ip: string | undefined,
    span: Span | undefined,
  ) {
    this.#ender = ender;
    this.start = start;
    this.target = start.target;
    this.match = match;
    this.ip = ip;
    this.span = span;
  }

  /** The body to read for {@link OpenCall.end}. */
  get body(): 'request' | 'response' | undefined {
    return this.match.target.body;
  }

  /**
   * Records the call; to be called once. Never throws. With `durable` a promise, if there is something to
   * record, that rejects if it cannot be.
   */
  end(ending: Ending, body: () => unknown): void | Promise<void> {
    return this.#ender.ended(this, ending, body);
  }
}
