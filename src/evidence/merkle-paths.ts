import { type Hash, type NodeOf, nodeHash } from './merkle.js';

// Sizes go past 2^32, so there are no bitwise operators here.

/**
 * The hashes that lead from a leaf to the root (RFC 6962, 2.1.1), from the leaf's sibling up.
 *
 * @param index of the leaf, from 0, below `size`
 */
export function inclusionPath(index: number, size: number, nodeOf: NodeOf): Hash[] {
  const path: Hash[] = [];
  let begin = 0;
  let end = size;
  while (end - begin > 1) {
    const middle = begin + splitOf(end - begin);
    if (index < middle) {
      path.push(rootOf(middle, end, nodeOf));
      end = middle;
    } else {
      path.push(rootOf(begin, middle, nodeOf));
      begin = middle;
    }
  }
  return path.reverse();
}

/**
 * The hashes that show that a tree's first leaves are those of an earlier one (RFC 6962, 2.1.2).
 *
 * @param from the earlier tree's size, from 1 to `to`
 */
export function consistencyPath(from: number, to: number, nodeOf: NodeOf): Hash[] {
  const path: Hash[] = [];
  let begin = 0;
  let end = to;
  let isWhole = true; // the earlier tree is a subtree of its own here: whoever checks knows its root
  while (from < end) {
    const middle = begin + splitOf(end - begin);
    if (from <= middle) {
      path.push(rootOf(middle, end, nodeOf));
      end = middle;
    } else {
      path.push(rootOf(begin, middle, nodeOf));
      begin = middle;
      isWhole = false;
    }
  }
  if (!isWhole) path.push(rootOf(begin, end, nodeOf));
  return path.reverse();
}

/** Whether a leaf is in a tree (RFC 9162, 2.1.3.2). */
export function isIncluded(
  leaf: Hash,
  index: number,
  size: number,
  path: readonly Hash[],
  root: Hash,
): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  let at = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(sibling, hash);
      while (at % 2 === 0 && at !== 0) {
        at = half(at);
        last = half(last);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    at = half(at);
    last = half(last);
  }
  return last === 0 && hash === root;
}

/** Whether a tree goes on from an earlier one (RFC 9162, 2.1.4.2). */
export function isConsistent(
  from: number,
  fromRoot: Hash,
  to: number,
  toRoot: Hash,
  path: readonly Hash[],
): boolean {
  if (!isCount(from) || !isCount(to) || from < 1 || from > to) return false;
  if (from === to) return path.length === 0 && fromRoot === toRoot;
  const hashes = isPowerOfTwo(from) ? [fromRoot, ...path] : [...path];
  const first = hashes.shift();
  if (first === undefined) return false;
  let at = from - 1;
  let last = to - 1;
  while (at % 2 === 1) {
    at = half(at);
    last = half(last);
  }
  let earlier = first;
  let later = first;
  for (const hash of hashes) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      earlier = nodeHash(hash, earlier);
      later = nodeHash(hash, later);
      while (at % 2 === 0 && at !== 0) {
        at = half(at);
        last = half(last);
      }
    } else {
      later = nodeHash(later, hash);
    }
    at = half(at);
    last = half(last);
  }
  return last === 0 && earlier === fromRoot && later === toRoot;
}

/** The root of the leaves from `begin` to before `end`, which form one subtree, full or the last. */
function rootOf(begin: number, end: number, nodeOf: NodeOf): Hash {
  const size = end - begin;
  if (isPowerOfTwo(size)) return nodeOf(Math.log2(size), begin / size);
  const middle = begin + splitOf(size);
  return nodeHash(rootOf(begin, middle, nodeOf), rootOf(middle, end, nodeOf));
}

/** The largest power of two below `size`, which is at least 2. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function isPowerOfTwo(n: number): boolean {
  return splitOf(n + 1) === n;
}

function half(n: number): number {
  return Math.floor(n / 2);
}

function isCount(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}
