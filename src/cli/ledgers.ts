import fs from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
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
    throw new UsageError(printable(`${directory} cannot be read: ${messageOf(error)}`));
  }
  if (names.includes('ledger.json') || names.some((name) => /^\d{20}\.jsonl$/.test(name))) {
    return [{ directory, slot: undefined }];
  }
  const slots = names
    .filter((name) => SLOT.test(name) && fs.existsSync(join(directory, name, 'ledger.json')))
    .sort((a, b) => Number(a) - Number(b));
  if (slots.length > 0) {
    return slots.map((slot) => ({ directory: join(directory, slot), slot }));
  }
  throw new UsageError(
    printable(`${directory} is no ledger: it holds neither ledger.json nor slots that do`),
  );
}
