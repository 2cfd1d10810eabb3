import { type Faults, pathTo, showKey } from './fault.js';
import { isClosed, type Outline, sectionOf } from './outline.js';
import type { Substituted } from './substitution.js';
import { nearest } from './suggestion.js';
import { type Branch, isBranch, type Tree } from './tree.js';

/** How a tree is gone through. */
export interface Walk {
  /** What becomes of a text. */
  readonly substitute: (text: string, whole: boolean) => Substituted;
  /** Whether an unknown key is left out unseen, as in Flipt. */
  readonly ignoreUnknown: boolean;
  /** Paths that the environment sets: what stands there does not matter. */
  readonly overridden: ReadonlySet<string>;
  readonly faults: Faults;
  /** Told of every value that must not be shown. */
  readonly hide: (secret: string) => void;
}

/**
 * The tree with known keys alone, spelt as the schema spells them (Flipt's reader does not tell capitals
 * from small letters), and with every expression evaluated.
 */
export function walk(tree: Tree, place: Outline, path: string, how: Walk): Tree | undefined {
  // What has nothing behind it counts as left out, as in Flipt.
  if (tree === null || how.overridden.has(path)) return undefined;
  if (isBranch(tree) && place.notes === undefined) {
    const { properties } = sectionOf(place);
    if (Object.keys(properties).length > 0) return walkSection(tree, place, path, how);
  }
  const { items } = [place, ...(place.anyOf ?? [])].find((one) => one.items !== undefined) ?? {};
  if (Array.isArray(tree) && items !== undefined && place.notes === undefined) {
    return tree.map((one, index) => walk(one, items, pathTo(path, index), how) ?? '');
  }
  return evaluate(tree, place, path, how);
}

function walkSection(tree: Branch, place: Outline, path: string, how: Walk): Tree {
  const { properties } = sectionOf(place);
  const known = Object.keys(properties);
  const members = new Map<string, Tree>();
  const found = new Map<string, string>();
  for (const [given, value] of Object.entries(tree)) {
    const key = known.find((one) => one.toLowerCase() === given.toLowerCase());
    if (key === undefined) {
      if (isClosed(place) && !how.ignoreUnknown) refuse(given, known, path, how.faults);
      continue;
    }
    const twin = found.get(key);
    found.set(key, given);
    if (twin !== undefined) {
      const message = `is there twice, as ${twin} and as ${given}: keep one`;
      if (!how.ignoreUnknown) how.faults.push({ path: pathTo(path, key), message });
      if (given !== key) continue;
    }
    const member = walk(value, properties[key]!, pathTo(path, key), how);
    if (member !== undefined) members.set(key, member);
  }
  return Object.fromEntries(members);
}

function refuse(given: string, known: readonly string[], path: string, faults: Faults): void {
  const meant = nearest(given, known);
  const hint = meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`;
  faults.push({ path: pathTo(path, given), message: `is not known; ${hint}` });
}

/** Everything below a field, lists and objects included. */
function evaluate(tree: Tree, place: Outline, path: string, how: Walk): Tree {
  if (typeof tree === 'string') {
    const { secret = false, whole = false } = place.notes ?? {};
    const result = how.substitute(tree, whole);
    if ('fault' in result) {
      how.faults.push({ path, message: result.fault });
      return tree;
    }
    for (const value of secret ? [result.text] : result.values) how.hide(value);
    return result.text;
  }
  if (Array.isArray(tree)) {
    return tree.map((one, index) => evaluate(one, place, pathTo(path, index), how));
  }
  if (!isBranch(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, one]) => [
      key,
      evaluate(one, place, `${path}.${showKey(key)}`, how),
    ]),
  );
}
