import type { Clock, Timer } from '../clock.js';
import { AuditError, messageOf } from '../errors.js';
import type { CheckpointOptions, PublishedCheckpoint } from '../ledger/checkpoint-options.js';

const RETRY_MS = 5000;

/**
 * Hands checkpoints to the application, one at a time. A newer one says all that an older one does, so it
 * takes the place of what waits. One that failed is tried again.
 */
export class Publisher {
  readonly #publish: NonNullable<CheckpointOptions['onCheckpoint']>;
  readonly #clock: Clock;
  readonly #onError: (error: AuditError) => void;
  #waiting: PublishedCheckpoint | undefined;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #isClosing = false;

  constructor(
    publish: NonNullable<CheckpointOptions['onCheckpoint']>,
    clock: Clock,
    onError: (error: AuditError) => void,
  ) {
    this.#publish = publish;
    this.#clock = clock;
    this.#onError = onError;
  }

  offer(checkpoint: PublishedCheckpoint): void {
    this.#waiting = checkpoint;
    this.#start();
  }

  /** Tries what waits a last time. Never rejects. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#start();
    await this.#running;
  }

  #start(): void {
    if (this.#running !== undefined || this.#waiting === undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting !== undefined) {
      const checkpoint = this.#waiting;
      this.#waiting = undefined;
      try {
        await this.#publish(checkpoint);
      } catch (error) {
        this.#onError(failure(checkpoint, error));
        if (this.#waiting !== undefined) continue;
        this.#waiting = checkpoint;
        if (!this.#isClosing) this.#timer = this.#clock.schedule(() => this.#start(), RETRY_MS);
        return;
      }
    }
  }
}

function failure({ size, directory }: PublishedCheckpoint, cause: unknown): AuditError {
  return new AuditError(
    'checkpoint-failed',
    `the checkpoint over records up to ${size} of ${directory} was not published: ${messageOf(cause)}`,
    { cause },
  );
}
