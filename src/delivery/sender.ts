import type { Clock, Timer } from '../clock.js';
import type { LedgerRecord } from '../ledger/record.js';
import { SinkError } from '../sink.js';
import { toBatch } from './batch.js';
import { MAX_TIMER_MS } from './options.js';
import type { Outlet, Sending } from './outlet.js';
import { judge, type Verdict } from './verdict.js';

/** Why an attempt failed. */
export interface Failure {
  readonly thrown: unknown;
  readonly verdict: Verdict;
  /** The sink has not even said so. */
  readonly isHung: boolean;
}

/** Sends one lane's batches, and judges what comes back. */
export class Sender {
  readonly #outlet: Outlet;
  readonly #stream: string | undefined;
  readonly #clock: Clock;
  #sending: Sending | undefined;

  /** @param stream the ledger's UUID */
  constructor(outlet: Outlet, stream: string | undefined, clock: Clock) {
    this.#outlet = outlet;
    this.#stream = stream;
    this.#clock = clock;
  }

  /**
   * Makes one attempt. Resolves to undefined when all was stored; never rejects.
   *
   * @param hungAfterMs how long to wait for what the sink says in the end; Infinity: as long as it takes
   */
  send(
    records: readonly LedgerRecord[],
    attempt: number,
    hungAfterMs: number,
  ): Promise<Failure | undefined> {
    const sending = this.#outlet.send(toBatch(records, this.#stream, attempt));
    this.#sending = sending;
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const done = (failure?: Failure) => {
        timer?.cancel();
        if (this.#sending === sending) this.#sending = undefined;
        resolve(failure);
      };
      const fail = (thrown: unknown, isHung: boolean) =>
        done({ thrown, verdict: judge(thrown, records.length), isHung });
      sending.outcome.then(
        () => done(),
        (thrown: unknown) => fail(thrown, false),
      );
      if (hungAfterMs > MAX_TIMER_MS) return;
      timer = this.#clock.schedule(() => {
        const thrown = new SinkError('transient', 'the sink did not settle the batch');
        fail(thrown, true);
        sending.abort(thrown);
      }, hungAfterMs);
    });
  }

  /** Aborts the attempt under way, if there is one. */
  abort(reason: unknown): void {
    this.#sending?.abort(reason);
  }
}
