import { Metadata, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { Actor, AuditEventInit } from '../../event/event.js';
import { isRecorded } from '../../event/span.js';
import { isWatched } from '../../event/watching.js';
import { invalidOption, requireCount, requireMembers, show } from '../../http/options.js';
import { currentActor } from '../actor.js';
import { type CallFunction, refusePromise } from '../audit-request.js';
import {
  type ClientAddress,
  compileTrustProxy,
  type TrustProxy,
  withAddress,
} from '../client-address.js';
import type { Outcome } from '../outcome.js';
import {
  checkRecordOptions,
  handAudits,
  makeAudits,
  type RecordOptions,
  recordAudits,
  tellFault,
  tellLost,
} from '../record.js';
import { afterAnswers } from './after-answers.js';
import type { GrpcCall } from './call.js';
import { callerSpan, startSpan } from './call-span.js';
import { OK, PERMISSION_DENIED, UNAUTHENTICATED } from './codes.js';
import { type AuditedMethod, type GrpcMethod, readMethod } from './method.js';
import { type MethodKind, WatchedCall, type Watcher } from './watched-call.js';

/** What {@link auditGrpc} takes. */
export interface GrpcAuditOptions extends RecordOptions {
  /**
   * What to audit: `'/flags.Flags/CreateFlag': 'flag:create'`, the path as in the service's definition, or
   * `'/flags.Flags/*'` for its other methods. A function may say by its parameter what the messages are:
   * `({ request }: GrpcCall<CreateFlagRequest, Flag>) => …`.
   */
  readonly methods: { readonly [path: string]: GrpcMethod };
  /**
   * Who it was. Called at the end, when everybody is known; its `ip`, if it names none, is the call's.
   * Default: the `actor` told by `tellAudit`, or that of the innermost `auditActor` round the answer.
   */
  readonly actor?:
    | CallFunction<GrpcCall, Actor | (Actor & { readonly [key: string]: unknown }) | undefined>
    | undefined;
  /** Whose `x-forwarded-for` counts. Default: nobody's. */
  readonly trustProxy?: TrustProxy | undefined;
  /** Whether what the handler answered with an error is recorded as `failed`. Default: false. */
  readonly failures?: boolean | undefined;
  /**
   * Milliseconds that a handler with one response has to answer after its call was cut short. Which has not
   * by then is recorded as `failed`. Default: 30 000.
   */
  readonly unansweredMs?: number | undefined;
}

const MAX_UNANSWERED_MS = 2 ** 31 - 1; // setTimeout's bound
const MEMBERS: readonly (keyof GrpcAuditOptions)[] = [
  'methods',
  'actor',
  'trustProxy',
  'failures',
  'unansweredMs',
  'checker',
  'sender',
  'durable',
  'timeoutMs',
];

/** Audits the calls of one server. */
export class GrpcAuditor implements Watcher<AuditedKind> {
  readonly #options: GrpcAuditOptions;
  readonly #methods: ReadonlyMap<string, AuditedMethod>;
  readonly #clientAddress: ClientAddress;
  readonly #kinds = new Map<string, AuditedKind>();
  readonly unansweredMs: number;

  /** @throws {AuditError} `invalid-option`, naming the option */
  constructor(options: GrpcAuditOptions) {
    requireMembers('auditGrpc', options, MEMBERS);
    checkRecordOptions('auditGrpc', options);
    const { methods, actor, failures, unansweredMs = 30_000 } = options;
    if (actor !== undefined && typeof actor !== 'function') {
      throw invalidOption('auditGrpc.actor', 'must be a function');
    }
    if (failures !== undefined && typeof failures !== 'boolean') {
      throw invalidOption('auditGrpc.failures', 'must be true or false');
    }
    this.unansweredMs = requireCount('auditGrpc.unansweredMs', unansweredMs, MAX_UNANSWERED_MS);
    this.#clientAddress = compileTrustProxy('auditGrpc.trustProxy', options.trustProxy);
    this.#options = options;
    this.#methods = readMethods(methods, options);
  }

  /** The call as it is to be watched; undefined for one that is not audited. */
  watch(
    definition: MethodKind & { readonly path: string },
    call: ServerInterceptingCallInterface,
  ): WatchedCall<AuditedKind> | undefined {
    const kind = this.#kindOf(definition);
    return kind?.method.isWanted() ? new WatchedCall(call, kind, this) : undefined;
  }

  /** The same of a method for all of its calls. */
  #kindOf(definition: MethodKind & { readonly path: string }): AuditedKind | undefined {
    const { path, requestStream, responseStream } = definition;
    const known = this.#kinds.get(path);
    if (known !== undefined) return known;
    const method =
      this.#methods.get(path) ?? this.#methods.get(`${path.slice(0, path.lastIndexOf('/'))}/*`);
    if (method === undefined) return undefined;
    // A server has so many methods and no more: grpc-js answers UNIMPLEMENTED to other paths by itself.
    const kind = { path, requestStream, responseStream, method };
    this.#kinds.set(path, kind);
    return kind;
  }

  ended(ended: WatchedCall<AuditedKind>, { path, method }: AuditedKind): void | Promise<void> {
    const outcome = this.#outcomeOf(ended);
    if (outcome === undefined) return;
    const { metadata = new Metadata(), span } = ended;
    try {
      const inits = this.#initsOf(ended, method, { path, metadata, outcome });
      if (inits.length === 0) return;
      const { durable, sender } = this.#options;
      if (durable === true) {
        return recordAudits(inits, this.#options, span ?? callerSpan(metadata));
      }
      const events = makeAudits(inits, this.#options);
      if (sender !== undefined || (span !== undefined && isWatched(span))) {
        afterAnswers(events, this.#options, span ?? callerSpan(metadata));
      } else if (isRecorded(span)) {
        handAudits(events, this.#options, span); // it may have ended a moment later
      } else {
        afterAnswers(events, this.#options, startSpan(path, metadata, span), true);
      }
    } catch (error) {
      if (this.#options.durable === true) return Promise.reject(error);
      tellLost('a gRPC call was not audited', error);
    }
  }

  /**
   * An error is only recorded on demand; a call that was cut short in any case, for it may have been done
   * all the same, and who cuts it short must not get by unrecorded.
   */
  #outcomeOf({ code, cancelled }: WatchedCall<AuditedKind>): Outcome | undefined {
    if (code === OK) return 'success';
    if (code === PERMISSION_DENIED || code === UNAUTHENTICATED) return 'denied';
    return cancelled || this.#options.failures === true ? 'failed' : undefined;
  }

  #initsOf(
    { request, response, received, sent, told, code, cancelled, peer }: WatchedCall<AuditedKind>,
    method: AuditedMethod,
    { path, metadata, outcome }: About,
  ): AuditEventInit[] {
    const ip = this.#clientAddress(addressOf(peer), metadata.get('x-forwarded-for').join(','));
    const call: GrpcCall = {
      path,
      metadata,
      request,
      response,
      received,
      sent,
      told,
      ip,
      outcome,
      code,
      cancelled,
    };
    const inits = method.initsOf(call);
    if (inits.length === 0) return inits;
    const actor = this.#actorOf(call);
    return inits.map((init) => ({ ...init, actor: withAddress(init.actor ?? actor, ip) }));
  }

  #actorOf(call: GrpcCall): Actor | undefined {
    try {
      return this.#options.actor === undefined
        ? (call.told.actor ?? currentActor())
        : refusePromise(this.#options.actor(call));
    } catch (error) {
      if (this.#options.durable === true) throw error;
      tellFault('the actor of an audited gRPC call is left out', error);
      return undefined;
    }
  }
}

interface AuditedKind extends MethodKind {
  readonly path: string;
  readonly method: AuditedMethod;
}

interface About {
  readonly path: string;
  readonly metadata: Metadata;
  readonly outcome: Outcome;
}

const PATH = /^\/[^/\s*]+\/(?:[^/\s*]+|\*)$/;

function readMethods(
  methods: GrpcAuditOptions['methods'],
  options: RecordOptions,
): Map<string, AuditedMethod> {
  if (typeof methods !== 'object' || methods === null || Array.isArray(methods)) {
    throw invalidOption(
      'auditGrpc.methods',
      "must be an object, as { '/flags.Flags/CreateFlag': 'flag:create' }",
    );
  }
  return new Map(
    Object.entries(methods).map(([path, method]) => {
      const where = `auditGrpc.methods[${show(path)}]`;
      if (PATH.test(path)) return [path, readMethod(where, method, options)];
      throw invalidOption(
        where,
        "must be a path, as '/flags.Flags/CreateFlag' or '/flags.Flags/*'",
      );
    }),
  );
}

/** The address in what grpc-js says of the peer: `127.0.0.1:4711`, `::1:4711`, or `unknown`. */
function addressOf(peer: string): string | undefined {
  const colon = peer.lastIndexOf(':');
  return colon < 0 ? undefined : peer.slice(0, colon);
}
