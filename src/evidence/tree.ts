import { Frontier, type Hash } from './merkle.js';
import { LEVELS_A_FILE, type TreeFiles } from './tree-files.js';

/** A Merkle tree that grows, and keeps its hashes in files. */
export class Tree {
  readonly files: TreeFiles;
  readonly #frontier: Frontier;
  /** By kept level: hashes that are not in its file yet. */
  readonly #unwritten: Hash[][] = [];

  /** @throws {AuditError} `ledger-corrupt` where hashes of the first `size` leaves are missing */
  constructor(files: TreeFiles, size: number) {
    this.files = files;
    this.#frontier = new Frontier(size, files.node);
  }

  get size(): number {
    return this.#frontier.size;
  }

  root(): Hash {
    return this.#frontier.root();
  }

  add(leaf: Hash): void {
    this.#keep(0, leaf);
    this.#frontier.add(leaf, this.#onNode);
  }

  readonly #onNode = (level: number, hash: Hash): void => {
    if (level % LEVELS_A_FILE === 0) this.#keep(level / LEVELS_A_FILE, hash);
  };

  #keep(kept: number, hash: Hash): void {
    this.#unwritten[kept] ??= [];
    this.#unwritten[kept].push(hash);
  }

  /** Hands what is new to the files, which do not sync it yet. */
  write(): void {
    this.#unwritten.forEach((hashes, kept) => {
      if (hashes.length === 0) return;
      const end = Math.floor(this.size / 2 ** (kept * LEVELS_A_FILE));
      this.files.write(kept, end - hashes.length, hashes);
      this.#unwritten[kept] = [];
    });
  }
}
