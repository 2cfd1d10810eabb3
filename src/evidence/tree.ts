import { Frontier, HASH_BYTES, type Hash, putHash } from './merkle.js';
import { LEVELS_A_FILE, type TreeFiles } from './tree-files.js';

/** Leaves that are kept in memory until they are written. */
const MAX_UNWRITTEN = 16_384;

/** A Merkle tree that grows, and keeps its hashes in files. */
export class Tree {
  readonly files: TreeFiles;
  readonly #frontier: Frontier;
  /** By kept level: hashes that are not in its file yet. As bytes, for they outlive many a collection. */
  readonly #unwritten: Unwritten[] = [new Unwritten(MAX_UNWRITTEN)];

  /** @throws {AuditError} `ledger-corrupt` where hashes of the first `size` leaves are missing */
  constructor(files: TreeFiles, size: number) {
    this.files = files;
    this.#frontier = new Frontier(size, files.node);
  }

  get size(): number {
    return this.#frontier.size;
  }

  /** No leaf may be added before {@link write}. */
  get isFull(): boolean {
    return this.#unwritten[0]!.count === MAX_UNWRITTEN;
  }

  root(): Hash {
    return this.#frontier.root();
  }

  add(leaf: Hash): void {
    this.#unwritten[0]!.push(leaf);
    this.#frontier.add(leaf, this.#onNode);
  }

  readonly #onNode = (level: number, hash: Hash): void => {
    if (level % LEVELS_A_FILE !== 0) return;
    const kept = level / LEVELS_A_FILE;
    this.#unwritten[kept] ??= new Unwritten(MAX_UNWRITTEN / 2 ** level + 1);
    this.#unwritten[kept].push(hash);
  };

  /** Hands what is new to the files, which do not sync it yet. */
  write(): void {
    this.#unwritten.forEach((hashes, kept) => {
      if (hashes.count === 0) return;
      const end = Math.floor(this.size / 2 ** (kept * LEVELS_A_FILE));
      this.files.write(kept, end - hashes.count, hashes.take());
    });
  }
}

/** Hashes in a row. */
class Unwritten {
  count = 0;
  readonly #bytes: Uint8Array;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(Math.ceil(capacity) * HASH_BYTES);
  }

  push(hash: Hash): void {
    putHash(this.#bytes, this.count * HASH_BYTES, hash);
    this.count += 1;
  }

  /** All of them; good until the next is pushed. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.count * HASH_BYTES);
    this.count = 0;
    return taken;
  }
}
