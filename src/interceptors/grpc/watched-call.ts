import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
} from '@grpc/grpc-js';
import { type Span, trace } from '@opentelemetry/api';
import { systemClock, type Timer } from '../../clock.js';
import { whenProcessExits } from '../../process-exit.js';
import { tellFault } from '../record.js';
import { recordWaiting } from './after-answers.js';
import { CANCELLED, DEADLINE_EXCEEDED, INTERNAL, OK, UNAVAILABLE } from './codes.js';
import { newTold, toldStorage } from './told.js';

type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];
type Status = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/** Which of a method's sides are streams, as in grpc-js's definition of it. */
export interface MethodKind {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** Who is told how a call ended; one for all calls. */
export interface Watcher<Kind extends MethodKind> {
  readonly unansweredMs: number;
  ended(call: WatchedCall<Kind>, kind: Kind): void | Promise<void>;
}

/**
 * Who gives up at a deadline is heard of a little before it passes here, for here it began when the call
 * arrived.
 */
const DEADLINE_SLACK_MS = 20;

const REFUSAL: Status = {
  code: UNAVAILABLE,
  details: 'the audit log is not available',
  metadata: null,
};

const storage = toldStorage();

const WATCHED = Symbol('watched call');
type Watching = ServerInterceptingCallInterface & { [WATCHED]?: { note(status: Status): void } };

/** One function for all calls: of a closure each V8 keeps whole calls alive. */
function noteStatus(this: Watching, status: Status): void {
  this[WATCHED]!.note(status);
}

const passMetadata = (to: Listener, metadata: Metadata) => to.onReceiveMetadata(metadata);
const passMessage = (to: Listener, message: unknown) => to.onReceiveMessage(message);
const passHalfClose = (to: Listener) => to.onReceiveHalfClose();

/**
 * A call, watched from between the wire and what answers it; tells once how it ended. An answer of the
 * handler's is its end, whatever became of the client: with one response that response, otherwise the
 * status. A call that is cut short goes on until its handler answers, at most `unansweredMs`, for it may be
 * done all the same; a stream of responses ends at once, since grpc-js ends the handler's side of it.
 *
 * What `ended` returns is waited for, with what answers; if it rejects, the client gets UNAVAILABLE.
 *
 * It is its own listener, and uses nothing of its class but what only passes on: the hooks of a
 * `ServerInterceptingCall` cost as much as all that is done here.
 */
export class WatchedCall<Kind extends MethodKind = MethodKind>
  extends ServerInterceptingCall
  implements Listener
{
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
  readonly #kind: Kind;
  readonly #watcher: Watcher<Kind>;
  readonly #sendStatus: ServerInterceptingCallInterface['sendStatus'];
  /** The connection's, asked at the start: it is known no more once it has gone. */
  readonly peer: string;
  #listener: Listener | undefined;
  #isHandled = false;
  #isOver = false;
  /** The status that grpc-js gave the call by itself. */
  #cutShortBy: number | undefined;
  #hold: Promise<boolean> | undefined;
  #timer: Timer | undefined;
  #stopListening: (() => void) | undefined;

  constructor(call: ServerInterceptingCallInterface, kind: Kind, watcher: Watcher<Kind>) {
    super(call);
    this.#call = call;
    this.#kind = kind;
    this.#watcher = watcher;
    this.peer = call.getPeer();
    this.#sendStatus = call.sendStatus;
    // grpc-js sends some by itself, as for a deadline, and those pass nobody.
    (call as Watching)[WATCHED] = this;
    call.sendStatus = noteStatus;
  }

  note(status: Status): void {
    this.#cutShortBy ??= status.code;
    Reflect.apply(this.#sendStatus, this.#call, [status]);
  }

  override start(listener: Listener): void {
    this.#listener = listener;
    this.#call.start(this);
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.metadata = metadata;
    if (this.#kind.requestStream) this.#isHandled = true;
    storage.run(this.told, passMetadata, this.#listener!, metadata);
  }

  onReceiveMessage(message: unknown): void {
    this.received += 1;
    this.request ??= message;
    storage.run(this.told, passMessage, this.#listener!, message);
  }

  onReceiveHalfClose(): void {
    // A stream that is reset seems to be closed in good order.
    if (this.received > 0) this.#isHandled = true;
    storage.run(this.told, passHalfClose, this.#listener!);
  }

  /** grpc-js calls this at the end of every call. */
  onCancel(): void {
    this.#cutShort();
    this.#listener!.onCancel();
  }

  override sendMetadata(metadata: Metadata): void {
    this.#look();
    this.#call.sendMetadata(metadata);
  }

  override sendMessage(message: unknown, callback: () => void): void {
    this.#look();
    this.sent += 1;
    if (!this.#kind.responseStream) {
      this.response ??= message;
      this.#end(OK);
    }
    if (this.#hold === undefined) this.#call.sendMessage(message, callback);
    else this.#release(this.#hold, () => this.#call.sendMessage(message, callback));
  }

  override sendStatus(status: Status): void {
    this.#look();
    this.#end(status.code);
    if (this.#hold === undefined) this.#call.sendStatus(status);
    else this.#release(this.#hold, () => this.#call.sendStatus(status));
  }

  #look(): void {
    this.span = trace.getActiveSpan() ?? this.span;
  }

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
    this.#timer = systemClock.schedule(giveUp, this.#watcher.unansweredMs);
    this.#stopListening = whenProcessExits(() => {
      giveUp();
      recordWaiting();
    });
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
    this.#hold = this.#watcher.ended(this, this.#kind)?.then(
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

  /** Lets an answer go once its receipt is there. */
  #release(hold: Promise<boolean>, pass: () => void): void {
    hold
      .then((isRecorded) => (isRecorded ? pass() : this.#call.sendStatus(REFUSAL)))
      .catch((error) => {
        // What grpc-js throws at who answers, say for details that are no URI text, reaches nobody here.
        tellFault('a gRPC call could not be answered', error);
        this.#call.sendStatus({ code: INTERNAL, details: 'no answer', metadata: null });
      });
  }
}
