import fs from 'node:fs';
import { join } from 'node:path';
import { AuditError } from '../errors.js';
import { codeOf, makeFolderSync, replaceFile, replaceFileSync } from './files.js';
import { readTextSync } from './plain-file.js';

/** How far a sink is. */
export interface Position {
  /** Every record up to this one is settled, but those in `waiting`. */
  readonly acknowledged: number;
  /** Records set aside, to be tried again beside the others; ascending. */
  readonly waiting: readonly number[];
}

/** The file that says how far a sink is, replaced as a whole each time. */
export class Cursor {
  readonly path: string;
  /** Whether the file was made by this opening. */
  readonly isNew: boolean;
  /** Records that the sink has not got and that retention has removed. */
  readonly missed: number;
  readonly #requireWriter: () => void;
  #position: Position;
  #wanted: Position | undefined;
  #saving: Promise<void> | undefined;

  private constructor(
    path: string,
    requireWriter: () => void,
    position: Position,
    isNew: boolean,
    missed = 0,
  ) {
    this.path = path;
    this.#requireWriter = requireWriter;
    this.isNew = isNew;
    this.missed = missed;
    this.#position = position;
  }

  /**
   * Opens a sink's cursor. A missing one is made, and is on disk before this returns: a cursor that
   * were made later and began at the end would pass over what was recorded in between.
   *
   * @param ledger.start where a new one begins: the records up to here count as settled
   * @param ledger.first the first record that there still is
   * @param ledger.newest the newest record of the ledger
   * @param ledger.requireWriter throws where the folder may be another writer's by now
   * @throws {AuditError} `ledger-corrupt` if it cannot be understood, or is ahead of the ledger.
   */
  static openSync(
    directory: string,
    name: string,
    ledger: {
      readonly start: number;
      readonly first: number;
      readonly newest: number;
      readonly requireWriter: () => void;
    },
  ): Cursor {
    const { start, first, newest, requireWriter } = ledger;
    const folder = join(directory, 'cursors');
    const path = join(folder, `${name}.json`);
    const found = readPositionSync(path);
    if (found === undefined) {
      makeFolderSync(folder);
      const position = { acknowledged: start, waiting: [] };
      replaceFileSync(path, textOf(position));
      return new Cursor(path, requireWriter, position, true);
    }
    if (found.acknowledged > newest) {
      throw new AuditError(
        'ledger-corrupt',
        `${path} says that record ${found.acknowledged} was delivered, but the ledger ends with ${newest}: its end is missing; restore the segments from a copy, or move the folder away to begin a new ledger`,
      );
    }
    // Retention waits only for configured sinks: what one missed while it was not is gone.
    const acknowledged = Math.max(found.acknowledged, first - 1);
    const waiting = found.waiting.filter((sequence) => sequence >= first);
    const missed = acknowledged - found.acknowledged + found.waiting.length - waiting.length;
    return new Cursor(path, requireWriter, { acknowledged, waiting }, false, missed);
  }

  get position(): Position {
    return this.#position;
  }

  /** Resolves once this position, or a later one, is on disk. */
  save(position: Position): Promise<void> {
    this.#wanted = position;
    this.#saving ??= this.#saveWanted();
    return this.#saving;
  }

  async #saveWanted(): Promise<void> {
    try {
      while (this.#wanted !== undefined) {
        const position = this.#wanted;
        this.#wanted = undefined;
        this.#requireWriter();
        await replaceFile(this.path, textOf(position));
        this.#position = position;
      }
    } finally {
      // Here and not in a `finally` of the promise: a save in between would wait for nobody.
      this.#saving = undefined;
    }
  }
}

/** The positions of every sink that ever had one here, configured or not. */
export function readCursorsSync(directory: string): Map<string, Position> {
  const folder = join(directory, 'cursors');
  const positions = new Map<string, Position>();
  let names: string[];
  try {
    names = fs.readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return positions;
    throw error;
  }
  for (const name of names) {
    if (!name.endsWith('.json')) continue;
    const position = readPositionSync(join(folder, name));
    if (position !== undefined) positions.set(name.slice(0, -'.json'.length), position);
  }
  return positions;
}

function readPositionSync(path: string): Position | undefined {
  const text = readTextSync(path);
  if (text === undefined) return undefined;
  const position = parse(text);
  if (position !== undefined) return position;
  throw new AuditError(
    'ledger-corrupt',
    `${path} cannot be understood: it should hold {"acknowledged":<number>}; restore it, or write the number of the last record that this sink has`,
  );
}

function textOf({ acknowledged, waiting }: Position): string {
  return `${JSON.stringify(waiting.length === 0 ? { acknowledged } : { acknowledged, waiting })}\n`;
}

function parse(text: string): Position | undefined {
  try {
    const { acknowledged, waiting = [] } = JSON.parse(text) as Partial<Position>;
    if (!isCount(acknowledged) || !Array.isArray(waiting) || !waiting.every(isCount))
      return undefined;
    return { acknowledged, waiting };
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
