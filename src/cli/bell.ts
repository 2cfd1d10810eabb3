import fs from 'node:fs';

/** Where notices of changes fail, as on network disks, this is how often it rings by itself. */
const LOOK_MS = 1000;
/** A busy writer changes its files a thousand times a second: that is looked at together. */
const GATHER_MS = 20;

/** Rings when something changes in the folders that are watched, and now and then in any case. */
export class Bell {
  readonly #watchers = new Map<string, fs.FSWatcher>();
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = () => this.#ring();
  #hasRung = false;
  #wake: (() => void) | undefined;

  /** @param signal rings too, at once */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    this.#timer = setInterval(() => this.#ring(), LOOK_MS);
    signal.addEventListener('abort', this.#onAbort);
  }

  watch(directory: string): void {
    if (this.#watchers.has(directory)) return;
    try {
      const watcher = fs.watch(directory, () => this.#ring());
      const end = () => {
        watcher.close();
        this.#watchers.delete(directory); // the timer rings meanwhile
      };
      watcher.on('error', end);
      this.#watchers.set(directory, watcher);
    } catch {
      // No notices here: the timer rings.
    }
  }

  /** Resolves at the next ring, or soon if there was one since the last call. */
  async next(): Promise<void> {
    if (!this.#hasRung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    await this.#gather();
    this.#hasRung = false;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#signal.aborted) return resolve();
      const timer = setTimeout(resolve, GATHER_MS);
      this.#wake = () => {
        if (!this.#signal.aborted) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #ring(): void {
    this.#hasRung = true;
    this.#wake?.();
  }
}
