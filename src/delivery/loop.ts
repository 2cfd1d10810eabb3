import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Clock } from '../clock.js';
import type { AsideDelivery } from './aside-delivery.js';
import type { BatchDelivery } from './batch-delivery.js';
import type { Intake } from './intake.js';
import type { Progress } from './progress.js';
import type { Reading } from './reading.js';
import type { SetAside } from './set-aside.js';
import { Sleep } from './sleep.js';

/** What a loop takes turns at. */
export interface LoopOptions {
  readonly intake: Intake;
  readonly reading: Reading;
  readonly batches: BatchDelivery;
  readonly aside: SetAside;
  readonly asideDelivery: AsideDelivery;
  readonly progress: Progress;
  /** So many records may the kept position be behind. */
  readonly maxBehind: number;
  readonly clock: Clock;
}

/** A lane's loop: one thing after another, so nothing is sent twice at the same time. */
export class Loop {
  readonly #options: LoopOptions;
  readonly #sleep: Sleep;
  #running: Promise<void> | undefined;
  #isStopping = false;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#sleep = new Sleep(options.clock);
  }

  get isStarted(): boolean {
    return this.#running !== undefined;
  }

  /** Begins, not before the current turn of the event loop is over. */
  start(): void {
    // It must not live in, nor keep alive, the context of the request that started it.
    this.#running = context.with(ROOT_CONTEXT, () => this.#run());
  }

  /** There may be more records. */
  feed(): void {
    this.#sleep.feed();
  }

  /** Somebody waits for everything up to this record: it is sent without waiting for company. */
  hurry(upTo: number): void {
    if (this.#options.intake.hurry(upTo)) this.#sleep.feed();
  }

  /** Ends the present backoff, unless the far side asked for it. */
  retryNow(): void {
    const { reading, batches, aside } = this.#options;
    batches.retryTime.hurry();
    reading.hurry();
    aside.hurry();
    this.#sleep.wake();
  }

  /** Ends it after what it is at. Resolves once that is over. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#sleep.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    await null;
    while (!this.#isStopping) {
      try {
        await this.#turn();
      } catch (thrown) {
        // Not to be expected, and no reason to lose what is in the lane, nor to spin.
        const { reading, batches, aside } = this.#options;
        reading.fail('its lane failed', thrown);
        batches.retryTime.notBefore(reading.nextAt);
        aside.retryTime.notBefore(reading.nextAt);
      }
    }
  }

  /**
   * Does the one thing that is next, or waits until there is one. From looking for it to falling asleep
   * nothing else runs: whoever comes with something new is either seen, or wakes it.
   */
  async #turn(): Promise<void> {
    const { intake, batches, aside, asideDelivery, clock } = this.#options;
    const now = clock.monotonic();
    const entry = aside.due(now);
    if (entry !== undefined) return asideDelivery.proceed(entry);
    if (batches.isDone) {
      if (intake.hasMore(now)) return this.#takeIn();
      batches.begin(intake.take(now));
    }
    if (batches.isDone) {
      const at = Math.min(aside.nextAt, intake.nextAt(now));
      return this.#sleep.until(at, intake.isOpen(now));
    }
    const sendAt = batches.retryTime.at;
    return sendAt > now ? this.#sleep.until(Math.min(aside.nextAt, sendAt), false) : this.#send();
  }

  async #takeIn(): Promise<void> {
    const { intake, progress } = this.#options;
    if (await intake.read()) progress.update();
  }

  async #send(): Promise<void> {
    const { batches, progress, maxBehind } = this.#options;
    await batches.proceed();
    await progress.keepUp(maxBehind);
  }
}
