import type { Clock, Timer } from '../clock.js';
import { type Backoff, backoffMs } from './backoff.js';
import type { Position, PositionStore } from './source.js';

/** What a keeper needs. */
export interface PositionKeeperOptions {
  readonly store: PositionStore;
  /** Where the lane stands now. */
  readonly current: () => Position;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told of every save: undefined when it succeeded. */
  readonly onSave: (error: { readonly thrown: unknown } | undefined) => void;
}

/** Keeps a lane's position: one save in flight, the latest wins, a failed one is tried again. */
export class PositionKeeper {
  readonly #options: PositionKeeperOptions;
  #dirty = false;
  #closing = false;
  #failures = 0;
  #acknowledged: number;
  #work: Promise<void> | undefined;
  #save: Promise<void> | undefined;
  #endPause: (() => void) | undefined;

  constructor(options: PositionKeeperOptions) {
    this.#options = options;
    this.#acknowledged = options.store.position.acknowledged;
  }

  /** The lane has moved. */
  moved(): void {
    this.#dirty = true;
    if (this.#closing) return;
    this.#work ??= this.#saveAll();
  }

  /**
   * The save in flight, to be waited for, when the kept position is more records behind than this: so many
   * come again after a kill. A save that fails holds nobody up.
   */
  keepUp(records: number): Promise<void> | undefined {
    if (this.#failures > 0 || this.#save === undefined) return undefined;
    const behind = this.#options.current().acknowledged - this.#acknowledged;
    return behind > records ? this.#save : undefined;
  }

  /**
   * Saves what is not saved yet, in one last try.
   *
   * @throws what the store throws
   */
  async close(): Promise<void> {
    this.#closing = true;
    this.#endPause?.();
    await this.#work;
    if (this.#dirty) await this.#saveOnce();
  }

  async #saveAll(): Promise<void> {
    while (this.#dirty && !this.#closing) {
      this.#save = this.#saveOnce().then(
        () => {
          this.#failures = 0;
          this.#options.onSave(undefined);
        },
        (thrown: unknown) => {
          this.#failures += 1;
          this.#options.onSave({ thrown });
        },
      );
      await this.#save;
      this.#save = undefined;
      if (this.#failures > 0 && !this.#closing) await this.#pause();
    }
    this.#work = undefined; // in the same breath as the last look at what there is to do
  }

  async #saveOnce(): Promise<void> {
    this.#dirty = false;
    const position = this.#options.current();
    try {
      await this.#options.store.save(position);
      this.#acknowledged = position.acknowledged;
    } catch (thrown) {
      this.#dirty = true;
      throw thrown;
    }
  }

  #pause(): Promise<void> {
    const { backoff, clock, random } = this.#options;
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      this.#endPause = () => {
        this.#endPause = undefined;
        timer?.cancel();
        resolve();
      };
      timer = clock.schedule(
        () => this.#endPause?.(),
        Math.ceil(backoffMs(this.#failures, backoff, random)),
      );
    });
  }
}
