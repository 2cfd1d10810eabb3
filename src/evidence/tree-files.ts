import fs from 'node:fs';
import { join } from 'node:path';
import { AuditError } from '../errors.js';
import { checkpointFolder } from '../ledger/checkpoint-files.js';
import {
  codeOf,
  FILE_MODE,
  makeFolderSync,
  replaceFileSync,
  syncFolderSync,
  writeAllSync,
} from '../ledger/files.js';
import { openPlainSync, readTextSync } from '../ledger/plain-file.js';
import { HASH_BYTES, type Hash, leafHash, nodeHash } from './merkle.js';

/**
 * Every eighth level of the tree is kept, as in C2SP tlog-tiles; what is between is computed from at most
 * 256 hashes. That makes 32.13 bytes a record, and a proof reads at most 8 KiB a kept level.
 */
export const LEVELS_A_FILE = 8;
const FAN_OUT = 2 ** LEVELS_A_FILE;
/** Hashes in one file: 32 MiB. */
const FILE_HASHES = 2 ** 20;
const FORMAT = 1;

/** The hashes of a ledger's Merkle tree: `checkpoints/hashes/<level>-<number>`, 32 bytes each. */
export class TreeFiles {
  readonly folder: string;
  /**
   * Leaves before this one count as empty: their records were gone already when the tree began. Leaf
   * `n` is record `n + 1`.
   */
  readonly start: number;
  /** Files that were written and are not synced. */
  readonly #written = new Set<string>();
  #hasNewNames = false;

  private constructor(directory: string, start: number) {
    this.folder = join(checkpointFolder(directory), 'hashes');
    this.start = start;
  }

  /**
   * The hashes that a ledger has; undefined where none were begun.
   *
   * @throws {AuditError} `ledger-corrupt`
   */
  static findSync(directory: string): TreeFiles | undefined {
    const path = treePath(directory);
    const text = readTextSync(path);
    if (text === undefined) return undefined;
    const start = parseStart(text);
    if (start !== undefined) return new TreeFiles(directory, start);
    throw new AuditError(
      'ledger-corrupt',
      `${path} cannot be understood: it should hold {"format":${FORMAT},"start":<number>}; restore it from a copy`,
    );
  }

  /** Begins to keep the hashes of a ledger's records from leaf `start` on. */
  static beginSync(directory: string, start: number): TreeFiles {
    const files = new TreeFiles(directory, start);
    makeFolderSync(files.folder);
    const text = `${JSON.stringify({ format: FORMAT, start })}\n`;
    replaceFileSync(treePath(directory), text);
    return files;
  }

  /**
   * The root of a full subtree.
   *
   * @throws {AuditError} `ledger-corrupt` where hashes are missing
   */
  readonly node = (level: number, index: number): Hash => {
    if ((index + 1) * 2 ** level <= this.start) return emptyNode(level);
    const kept = Math.floor(level / LEVELS_A_FILE);
    const count = 2 ** (level % LEVELS_A_FILE);
    let hashes = this.read(kept, index * count, count);
    while (hashes.length > 1) {
      hashes = Array.from({ length: hashes.length / 2 }, (_, n) =>
        nodeHash(hashes[n * 2]!, hashes[n * 2 + 1]!),
      );
    }
    return hashes[0]!;
  };

  /**
   * Hashes of a kept level: 0 has the leaves, 1 the roots of each 256 of them, and so on.
   *
   * @throws {AuditError} `ledger-corrupt` where one is missing
   */
  read(kept: number, from: number, count: number): Hash[] {
    const hashes: Hash[] = [];
    const width = FAN_OUT ** kept;
    let at = from;
    for (; at < from + count && (at + 1) * width <= this.start; at += 1) {
      hashes.push(emptyNode(kept * LEVELS_A_FILE));
    }
    while (at < from + count) {
      const part = Math.min(from + count - at, FILE_HASHES - (at % FILE_HASHES));
      const bytes = this.#readPart(kept, at, part).toString('latin1');
      for (let n = 0; n < part; n += 1) {
        hashes.push(bytes.slice(n * HASH_BYTES, (n + 1) * HASH_BYTES));
      }
      at += part;
    }
    return hashes;
  }

  #readPart(kept: number, from: number, count: number): Buffer {
    const path = this.pathOf(kept, from);
    const bytes = Buffer.alloc(count * HASH_BYTES);
    let read = 0;
    try {
      const fd = openPlainSync(path);
      try {
        const position = (from % FILE_HASHES) * HASH_BYTES;
        while (read < bytes.length) {
          const got = fs.readSync(fd, bytes, read, bytes.length - read, position + read);
          if (got === 0) break;
          read += got;
        }
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    if (read === bytes.length) return bytes;
    throw new AuditError(
      'ledger-corrupt',
      `${path} is missing or too short; restore it from a copy`,
    );
  }

  /** Writes hashes of a kept level, 32 bytes each. */
  write(kept: number, from: number, hashes: Uint8Array): void {
    for (let at = 0; at < hashes.length; ) {
      const index = from + at / HASH_BYTES;
      const place = index % FILE_HASHES;
      const part = hashes.subarray(at, at + (FILE_HASHES - place) * HASH_BYTES);
      this.#writePart(this.pathOf(kept, index), place * HASH_BYTES, part);
      at += part.length;
    }
  }

  #writePart(path: string, position: number, bytes: Uint8Array): void {
    let fd: number;
    try {
      fd = fs.openSync(path, 'r+');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      fd = fs.openSync(path, 'wx', FILE_MODE);
      this.#hasNewNames = true;
    }
    try {
      writeAllSync(fd, bytes, bytes.length, position);
      this.#written.add(path);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Makes last what was written. */
  async sync(): Promise<void> {
    for (const path of this.#written) {
      const file = await fs.promises.open(path, 'r+');
      try {
        await file.datasync();
      } finally {
        await file.close();
      }
    }
    this.#written.clear();
    if (this.#hasNewNames) syncFolderSync(this.folder); // rare: once in a million records
    this.#hasNewNames = false;
  }

  /** Removes leaves that no proof of leaf `first` or a later one needs. */
  forgetBefore(first: number): void {
    const needed = first - (first % FILE_HASHES);
    for (let at = needed - FILE_HASHES; at >= 0; at -= FILE_HASHES) {
      try {
        fs.unlinkSync(this.pathOf(0, at));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return; // and those before it
        throw error;
      }
    }
  }

  pathOf(kept: number, index: number): string {
    const number = String(Math.floor(index / FILE_HASHES)).padStart(10, '0');
    return join(this.folder, `${kept}-${number}`);
  }
}

/** The file that says where a ledger's tree begins. */
export function treePath(directory: string): string {
  return join(checkpointFolder(directory), 'tree.json');
}

const emptyNodes: Hash[] = [];

/** The root of 2^`level` leaves without a byte. */
function emptyNode(level: number): Hash {
  if (emptyNodes.length === 0) emptyNodes.push(leafHash(new Uint8Array(0)));
  while (emptyNodes.length <= level) {
    const below = emptyNodes.at(-1)!;
    emptyNodes.push(nodeHash(below, below));
  }
  return emptyNodes[level]!;
}

function parseStart(text: string): number | undefined {
  try {
    const { format, start } = JSON.parse(text) as { format?: unknown; start?: unknown };
    const isSound = format === FORMAT && Number.isSafeInteger(start) && (start as number) >= 0;
    return isSound ? (start as number) : undefined;
  } catch {
    return undefined;
  }
}
