import type { Terminal } from './terminal.js';

/** Work that is done sooner shows no bar. */
const PATIENCE_MS = 1000;
const EVERY_MS = 100;
const BAR = 24;

/** A bar for work that takes longer than a second. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #what: string;
  readonly #now: () => number;
  readonly #start: number;
  #shown = 0;

  /** @param now milliseconds from an arbitrary zero */
  constructor(terminal: Terminal, what: string, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#what = what;
    this.#now = now;
    this.#start = now();
  }

  at(done: number, total: number): void {
    const now = this.#now();
    if (now - this.#start < PATIENCE_MS || now - this.#shown < EVERY_MS) return;
    this.#shown = now;
    const share = total > 0 ? Math.min(1, done / total) : 1;
    const full = Math.round(share * BAR);
    const bar = '█'.repeat(full) + '░'.repeat(BAR - full);
    const percent = `${Math.floor(share * 100)}`.padStart(3);
    this.#terminal.progress(`${this.#what} ${bar} ${percent} %`);
  }

  end(): void {
    if (this.#shown > 0) this.#terminal.progress('');
  }
}
