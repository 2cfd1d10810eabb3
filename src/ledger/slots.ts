import fs from 'node:fs';
import { basename, join } from 'node:path';
import type { Clock } from '../clock.js';
import { AuditError } from '../errors.js';
import { makeFolderSync, unavailable } from './files.js';
import { Ledger, type LedgerObserver } from './ledger.js';
import { Lock } from './lock.js';
import type { ResolvedLedgerOptions } from './options.js';
import { listSegmentsSync, segmentPath } from './segment.js';

const SLOT = /^(?:0|[1-9]\d{0,5})$/;
const MAX_SLOTS = 1_000_000;
/** A lock that only its heartbeat can speak for is dead after this long without one. */
const SILENCE_MS = 5000;

/**
 * Opens the lowest slot that nobody holds: `<directory>/0`, `/1`…
 *
 * @throws {AuditError} as {@link Ledger}; `invalid-option` for a folder that is a ledger itself.
 */
export function openSlotSync(
  options: ResolvedLedgerOptions,
  clock: Clock,
  observer: LedgerObserver,
): Ledger {
  const parent = options.directory;
  if (fs.existsSync(join(parent, 'ledger.json'))) {
    throw new AuditError(
      'invalid-option',
      `SinkSpanExporter: ledger.slots: ${parent} is a ledger of one writer; move it to ${join(parent, '0')} to go on with it as a slot`,
    );
  }
  for (let slot = 0; slot < MAX_SLOTS; slot += 1) {
    const directory = join(parent, String(slot));
    let lock: Lock | undefined;
    try {
      makeFolderSync(directory);
      lock = Lock.tryAcquireSync(directory);
    } catch (error) {
      throw unavailable(`the slot ${directory} cannot be used`, error);
    }
    if (lock !== undefined) return new Ledger({ ...options, directory }, clock, observer, lock);
  }
  throw new AuditError('ledger-locked', `every slot of ${parent} is held`);
}

/** Looks for slots whose writer is gone, so that what they still hold gets delivered. */
export class AbandonedSlots {
  readonly #options: ResolvedLedgerOptions;
  readonly #own: string;
  readonly #clock: Clock;
  readonly #observer: LedgerObserver;
  /** How long a lock was seen without a change. */
  readonly #seen = new Map<string, { readonly text: string; readonly since: number }>();
  /** Slots that had nothing left, by what they looked like then. */
  readonly #drained = new Map<string, string>();

  constructor(options: ResolvedLedgerOptions, own: Ledger, clock: Clock, observer: LedgerObserver) {
    this.#options = options;
    this.#own = own.directory;
    this.#clock = clock;
    this.#observer = observer;
  }

  /** Opens the first abandoned slot that may hold something, if there is one. Waits for nothing. */
  openOne(): Ledger | undefined {
    for (const name of fs.readdirSync(this.#options.directory)) {
      const directory = join(this.#options.directory, name);
      if (!SLOT.test(name) || directory === this.#own) continue;
      const appearance = appearanceOf(directory);
      if (appearance === undefined || this.#drained.get(directory) === appearance) continue;
      try {
        const lock = Lock.tryAcquireSync(directory, this.#silentText(directory));
        if (lock === undefined) continue;
        // Nothing is appended to it, so it need not know its ids.
        return new Ledger({ ...this.#options, directory }, this.#clock, this.#observer, lock, 1);
      } catch (error) {
        // One that is damaged must not keep the others from being drained, nor be told again and again.
        this.#drained.set(directory, appearance);
        this.#observer.failed(
          error instanceof AuditError
            ? error
            : unavailable(`the abandoned slot ${directory} cannot be opened`, error),
        );
      }
    }
    return undefined;
  }

  /** Nothing is left in this slot; it is not opened again before it has changed. */
  noteDrained(directory: string): void {
    const appearance = appearanceOf(directory);
    if (appearance !== undefined) this.#drained.set(directory, appearance);
  }

  /** The text of a lock that has not changed for so long that its writer must be dead. */
  #silentText(directory: string): string | undefined {
    const text = Lock.textOf(directory);
    const seen = this.#seen.get(directory);
    if (text === undefined) {
      this.#seen.delete(directory);
    } else if (seen?.text !== text) {
      this.#seen.set(directory, { text, since: this.#clock.monotonic() });
    } else if (this.#clock.monotonic() - seen.since >= SILENCE_MS) return text;
    return undefined;
  }
}

/** The newest segment with its size; undefined for a folder that holds none. */
function appearanceOf(directory: string): string | undefined {
  try {
    const last = listSegmentsSync(directory).at(-1);
    if (last === undefined) return undefined;
    const path = segmentPath(directory, last);
    return `${basename(path)} ${fs.statSync(path).size}`;
  } catch {
    return undefined; // gone, or not ours to look at
  }
}
