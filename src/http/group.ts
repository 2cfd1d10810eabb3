import type { SinkError } from '../sink.js';

/** Something under way that can be ended. */
export interface Endable {
  abort(reason: SinkError): void;
}

/** What ends together, at one signal or when a client closes. */
export class Group {
  readonly #members = new Set<Endable>();
  #reason: SinkError | undefined;

  /** Why it ended; undefined while it goes on. */
  get reason(): SinkError | undefined {
    return this.#reason;
  }

  add(member: Endable): void {
    this.#members.add(member);
  }

  delete(member: Endable): void {
    this.#members.delete(member);
  }

  end(reason: SinkError): void {
    this.#reason ??= reason;
    for (const member of this.#members) member.abort(this.#reason);
  }

  /** The same promise, or a rejection as soon as the group ends. */
  untilEnd<Value>(promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const wait: Endable = { abort: reject };
      this.add(wait);
      if (this.#reason !== undefined) reject(this.#reason);
      promise.then(resolve, reject).finally(() => this.delete(wait));
    });
  }
}
