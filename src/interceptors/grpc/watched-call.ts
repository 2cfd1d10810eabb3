import type {
  Metadata,
  Responder,
  ServerInterceptingCallInterface,
  ServerListener,
} from '@grpc/grpc-js';
import { type Span, trace } from '@opentelemetry/api';
import { systemClock, type Timer } from '../../clock.js';
import { whenProcessExits } from '../../process-exit.js';
import { tellFault } from '../record.js';
import { CANCELLED, DEADLINE_EXCEEDED, INTERNAL, OK, UNAVAILABLE } from './codes.js';
import { newTold, toldStorage } from './told.js';

/** Which of a method's sides are streams, as in grpc-js's definition of it. */
export interface MethodKind {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/**
 * Who gives up at a deadline is heard of a little before it passes here, for here it began when the call
 * arrived.
 */
const DEADLINE_SLACK_MS = 20;

const REFUSAL = {
  code: UNAVAILABLE,
  details: 'the audit log is not available',
  metadata: null,
} as const;

const storage = toldStorage();

/**
 * A call, watched from between the wire and what answers it; tells once how it ended. An answer of the
 * handler's is its end, whatever became of the client: with one response that response, otherwise the
 * status. A call that is cut short goes on until its handler answers, at most `unansweredMs`, for it may be
 * done all the same; a stream of responses ends at once, since grpc-js ends the handler's side of it.
 *
 * What `onEnd` returns is waited for, with what answers; if it rejects, the client gets UNAVAILABLE.
 */
export class WatchedCall {
  /** Undefined where an interceptor refused the call at once. */
  metadata: Metadata | undefined;
  request: unknown;
  response: unknown;
  received = 0;
  sent = 0;
  code: number = OK;
  cancelled = false;
  /** The last one in which the handler did something. */
  span: Span | undefined;
  readonly told = newTold();
  readonly #call: ServerInterceptingCallInterface;
  readonly #kind: MethodKind;
  readonly #unansweredMs: number;
  readonly #onEnd: (call: WatchedCall) => void | Promise<void>;
  #isHandled = false;
  #isOver = false;
  /** The status that grpc-js gave the call by itself. */
  #cutShortBy: number | undefined;
  #hold: Promise<boolean> | undefined;
  #timer: Timer | undefined;
  #stopListening: (() => void) | undefined;

  constructor(
    call: ServerInterceptingCallInterface,
    kind: MethodKind,
    unansweredMs: number,
    onEnd: (call: WatchedCall) => void | Promise<void>,
  ) {
    this.#call = call;
    this.#kind = kind;
    this.#unansweredMs = unansweredMs;
    this.#onEnd = onEnd;
    const { sendStatus } = call;
    // grpc-js sends some by itself, as for a deadline, and those pass nobody.
    call.sendStatus = (status) => {
      this.#cutShortBy ??= status.code;
      Reflect.apply(sendStatus, call, [status]);
    };
  }

  responder(): Responder {
    return {
      start: (next) => next(this.#listener()),
      sendMetadata: (metadata, next) => {
        this.#look();
        next(metadata);
      },
      sendMessage: (message, next) => {
        this.#look();
        this.sent += 1;
        if (!this.#kind.responseStream) {
          this.response ??= message;
          this.#end(OK);
        }
        this.#release(
          () => next(message),
          () => this.#call.sendStatus(REFUSAL),
        );
      },
      sendStatus: (status, next) => {
        this.#look();
        this.#end(status.code);
        this.#release(
          () => next(status),
          () => next(REFUSAL),
        );
      },
    };
  }

  #listener(): ServerListener {
    const { told } = this;
    return {
      onReceiveMetadata: (metadata, next) => {
        this.metadata = metadata;
        if (this.#kind.requestStream) this.#isHandled = true;
        storage.run(told, next, metadata);
      },
      onReceiveMessage: (message, next) => {
        this.received += 1;
        this.request ??= message;
        storage.run(told, next, message);
      },
      onReceiveHalfClose: (next) => {
        this.#isHandled = true;
        storage.run(told, next);
      },
      onCancel: () => this.#cutShort(),
    };
  }

  #look(): void {
    this.span = trace.getActiveSpan() ?? this.span;
  }

  /** grpc-js calls this at the end of every call. */
  #cutShort(): void {
    // Nobody has begun to do anything as long as the request is not whole.
    if (this.#isOver || !this.#isHandled) return;
    this.cancelled = true;
    const code = this.#cutShortBy ?? (this.#isNearDeadline() ? DEADLINE_EXCEEDED : CANCELLED);
    const giveUp = () => this.#end(code);
    if (this.#kind.responseStream) {
      giveUp();
      return;
    }
    this.#timer = systemClock.schedule(giveUp, this.#unansweredMs);
    this.#stopListening = whenProcessExits(giveUp);
  }

  #isNearDeadline(): boolean {
    return Number(this.#call.getDeadline()) - systemClock.now() <= DEADLINE_SLACK_MS;
  }

  #end(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#stopListening?.();
    this.code = code;
    this.#hold = this.#onEnd(this)?.then(
      () => true,
      (error) => {
        tellFault(
          this.cancelled
            ? 'a gRPC call was not audited'
            : 'a gRPC call was answered UNAVAILABLE, for it could not be audited',
          error,
        );
        return false;
      },
    );
  }

  /** Lets an answer go, now or once its receipt is there. */
  #release(pass: () => void, refuse: () => void): void {
    if (this.#hold === undefined) {
      pass();
      return;
    }
    this.#hold
      .then((isRecorded) => (isRecorded ? pass() : refuse()))
      .catch((error) => {
        // What grpc-js throws at who answers, say for details that are no URI text, reaches nobody here.
        tellFault('a gRPC call could not be answered', error);
        this.#call.sendStatus({ code: INTERNAL, details: 'no answer', metadata: null });
      });
  }
}
