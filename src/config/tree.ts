import { type Faults, pathTo } from './fault.js';

/** Plain data, as a file holds it. */
export type Tree = string | number | boolean | null | readonly Tree[] | Branch;
/** An object of it. `__proto__` is a key like any other. */
export interface Branch {
  readonly [key: string]: Tree;
}

const MAX_DEPTH = 32;
const MAX_NODES = 100_000;

/**
 * Copies what somebody gave, so that it holds nothing but plain data; undefined becomes null.
 */
export function plainTree(given: unknown, path: string, faults: Faults): Tree {
  let nodes = 0;
  const copy = (value: unknown, at: string, depth: number): Tree => {
    nodes += 1;
    if (nodes > MAX_NODES) return refuse(at, `is beyond ${MAX_NODES} values, too many`);
    if (value === null || value === undefined) return null;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      return value;
    }
    if (depth > MAX_DEPTH) return refuse(at, `is nested more than ${MAX_DEPTH} deep`);
    if (Array.isArray(value)) {
      return value.map((one, index) => copy(one, pathTo(at, index), depth + 1));
    }
    if (typeof value !== 'object' || !isPlain(value)) {
      return refuse(at, 'must be plain data: a text, a number, true or false, a list or an object');
    }
    const members: [string, Tree][] = [];
    for (const [key, one] of Object.entries(value)) {
      members.push([key, copy(one, pathTo(at, key), depth + 1)]);
      if (nodes > MAX_NODES) break;
    }
    return Object.fromEntries(members);
  };
  const refuse = (at: string, message: string): null => {
    if (nodes <= MAX_NODES + 1) faults.push({ path: at, message });
    if (nodes > MAX_NODES) nodes = MAX_NODES + 2; // told once
    return null;
  };
  try {
    return copy(given, path, 0);
  } catch {
    faults.push({ path, message: 'cannot be read: a getter or a proxy in it throws' });
    return null;
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  // Another realm has an Object.prototype of its own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export function isBranch(value: unknown): value is Branch {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that is really there, and not one of Object.prototype. */
export function memberOf(tree: Tree | undefined, key: string): Tree | undefined {
  return isBranch(tree) && Object.hasOwn(tree, key) ? tree[key] : undefined;
}

/** The tree with another value at a path; branches on the way are made. What is no branch stays. */
export function withValue(tree: Tree | undefined, keys: readonly string[], value: Tree): Tree {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  if (tree !== undefined && !isBranch(tree)) return tree;
  const member = withValue(memberOf(tree, key), rest, value);
  return Object.fromEntries([
    ...Object.entries(tree ?? {}).filter(([name]) => name !== key),
    [key, member],
  ]);
}
