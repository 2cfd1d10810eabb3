import fs from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { codeOf } from '../ledger/files.js';
import { printable } from './printable.js';
import { UsageError } from './usage.js';

/** A ledger that a command looks at. */
export interface LedgerFolder {
  readonly directory: string;
  /** Its slot under the folder that was given; undefined if that is the ledger itself. */
  readonly slot: string | undefined;
}

const SLOT = /^(?:0|[1-9]\d{0,5})$/;

/**
 * The ledgers in a folder: the folder itself, or the slots of its writers.
 *
 * @throws {UsageError} for a folder that holds none
 */
export function ledgersIn(directory: string): LedgerFolder[] {
  let names: string[];
  try {
    names = fs.readdirSync(directory);
  } catch (error) {
    throw unreadable(directory, error);
  }
  // No writer makes both: a ledger that somebody puts there must not hide the slots.
  const own = isLedger(names) ? [{ directory, slot: undefined }] : [];
  const slots = names
    .filter((name) => SLOT.test(name) && isLedger(namesIn(join(directory, name))))
    .sort((a, b) => Number(a) - Number(b))
    .map((slot) => ({ directory: join(directory, slot), slot }));
  if (own.length + slots.length > 0) return [...own, ...slots];
  throw new UsageError(
    printable(`${directory} is no ledger: it holds neither ledger.json nor slots that do`),
  );
}

/**
 * Slots that are not there though one of a higher number is, or that hold no ledger. Writers take the lowest that
 * is free, so they were there once.
 */
export function missingSlots(directory: string, ledgers: readonly LedgerFolder[]): string[] {
  const found = new Set(ledgers.map(({ slot }) => slot));
  if (found.has(undefined) && found.size === 1) return [];
  const folders = namesIn(directory).filter((name) => SLOT.test(name));
  const last = Math.max(...folders.map(Number));
  return Array.from({ length: last + 1 }, (_, slot) => String(slot)).filter(
    (slot) => !found.has(slot),
  );
}

/** What only a ledger has: one that has lost a part of it is one still, and `verify` says what is wrong. */
function isLedger(names: readonly string[]): boolean {
  return names.some((name) => PARTS.includes(name) || /^\d{20}\.jsonl$/.test(name));
}

const PARTS = ['ledger.json', 'cursors', 'checkpoints'];

function namesIn(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return []; // a file, or not there any more
    throw unreadable(directory, error);
  }
}

/** A slot that may not be read must not be passed over as if it were none. */
function unreadable(directory: string, error: unknown): UsageError {
  return new UsageError(printable(`${directory} cannot be read: ${messageOf(error)}`));
}
