import type { hash as Sha256 } from 'node:crypto';

/**
 * A SHA-256 hash as 32 Latin-1 characters: such a string is made and compared in half the time that a
 * Buffer takes, and there is one for every record.
 */
export type Hash = string;

/** Bytes of a hash. */
export const HASH_BYTES = 32;
const LEAF = 0x00;
const NODE = 0x01;

let sha256: typeof Sha256 | undefined;

function hashOf(bytes: Uint8Array): Hash {
  // Loaded when needed: the core has this module in it, and `node:crypto` is slow to load.
  sha256 ??= process.getBuiltinModule('node:crypto').hash;
  return sha256('sha256', bytes, 'binary');
}

const pair = new Uint8Array(1 + 2 * HASH_BYTES).fill(NODE);
const leaf = Buffer.alloc(4096);

/** The hash of a leaf (RFC 6962, 2.1): SHA-256 over 0x00 and the leaf's bytes. */
export function leafHash(bytes: Uint8Array): Hash {
  const length = bytes.length + 1;
  if (length > leaf.length) return hashOf(Buffer.concat([Buffer.of(LEAF), bytes]));
  leaf[0] = LEAF;
  leaf.set(bytes, 1);
  return hashOf(new Uint8Array(leaf.buffer, leaf.byteOffset, length));
}

/** {@link leafHash} of a part of a buffer, without a copy where a byte stands before it. */
export function leafHashAt(bytes: Buffer, start: number, end: number): Hash {
  if (start === 0) return leafHash(bytes.subarray(start, end));
  const before = bytes[start - 1]!;
  bytes[start - 1] = LEAF;
  const hash = hashOf(new Uint8Array(bytes.buffer, bytes.byteOffset + start - 1, end - start + 1));
  bytes[start - 1] = before;
  return hash;
}

/** The hash of a node (RFC 6962, 2.1): SHA-256 over 0x01 and the hashes of its two children. */
export function nodeHash(left: Hash, right: Hash): Hash {
  putHash(pair, 1, left);
  putHash(pair, 1 + HASH_BYTES, right);
  return hashOf(pair);
}

/** Puts the bytes of a hash into a buffer: a loop takes half the time that `write` takes. */
export function putHash(bytes: Uint8Array, at: number, hash: Hash): void {
  for (let n = 0; n < HASH_BYTES; n += 1) bytes[at + n] = hash.charCodeAt(n);
}

/** The root of a tree without a leaf: SHA-256 of nothing. */
export function emptyRoot(): Hash {
  return hashOf(new Uint8Array(0));
}

/** A hash in Base64, as checkpoints and proofs have it. */
export function toBase64(hash: Hash): string {
  return Buffer.from(hash, 'latin1').toString('base64');
}

/** The hash that this is the Base64 of; undefined if it is none, or not in its one canonical form. */
export function fromBase64(text: unknown): Hash | undefined {
  if (typeof text !== 'string') return undefined; // of a proof that somebody sent
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== HASH_BYTES || bytes.toString('base64') !== text) return undefined;
  return bytes.toString('latin1');
}

/** The root of a full subtree: of the 2^`level` leaves from `index` · 2^`level` on. */
export type NodeOf = (level: number, index: number) => Hash;

/**
 * The right edge of a tree that grows: the roots of the full subtrees that its leaves divide into, the
 * largest first. All that is needed to go on, and for the root.
 */
export class Frontier {
  #size: number;
  readonly #nodes: Hash[];

  /** @param nodeOf called for the subtrees that `size` leaves divide into */
  constructor(size = 0, nodeOf: NodeOf = noNode) {
    this.#size = size;
    this.#nodes = subtreesOf(size).map(({ level, index }) => nodeOf(level, index));
  }

  /** How many leaves there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a leaf, by its hash.
   *
   * @param onNode called for each node that the leaf completes, from the lowest, level 1
   */
  add(leaf: Hash, onNode?: (level: number, hash: Hash) => void): void {
    let hash = leaf;
    let level = 0;
    for (let n = this.#size; n % 2 === 1; n = (n - 1) / 2) {
      hash = nodeHash(this.#nodes.pop()!, hash);
      level += 1;
      onNode?.(level, hash);
    }
    this.#nodes.push(hash);
    this.#size += 1;
  }

  /** The tree's root (RFC 6962, 2.1). */
  root(): Hash {
    const nodes = this.#nodes;
    if (nodes.length === 0) return emptyRoot();
    let hash = nodes[nodes.length - 1]!;
    for (let n = nodes.length - 2; n >= 0; n -= 1) hash = nodeHash(nodes[n]!, hash);
    return hash;
  }
}

function noNode(): never {
  throw new RangeError('a tree that holds leaves needs their hashes');
}

/** The full subtrees that the first `size` leaves divide into, the largest first. */
function subtreesOf(size: number): { readonly level: number; readonly index: number }[] {
  const subtrees: { readonly level: number; readonly index: number }[] = [];
  let rest = size;
  for (let level = 0; rest > 0; level += 1, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) subtrees.unshift({ level, index: rest - 1 });
  }
  return subtrees;
}
