import type { z } from 'zod';
import { checkNames, overridesFrom } from './environment.js';
import { type Faults, pathTo } from './fault.js';
import { outline } from './outline.js';
import { configSchema, type Settings } from './schema.js';
import { type Environment, substitute, substituteAsFlipt } from './substitution.js';
import { nearest } from './suggestion.js';
import { isBranch, memberOf, plainTree, type Tree, withValue } from './tree.js';
import { walk } from './walk.js';

/** What a configuration says, as far as it could be read. */
export interface Loaded {
  /** Without what a fault keeps from being read. */
  readonly settings: Settings;
  /** The same, unread. */
  readonly tree: Tree;
  readonly faults: Faults;
  /** What must not appear in any message. */
  readonly secrets: ReadonlySet<string>;
  /** What is odd and no fault. */
  readonly remarks: readonly string[];
}

/** How it is loaded. */
export interface LoadOptions {
  readonly env: Environment;
  /** Whether Flipt's own rules hold: unknown keys and unset variables count for nothing. */
  readonly strict: boolean;
}

/** Reads a configuration that is already data. Never throws. */
export function loadConfig(given: unknown, { env, strict }: LoadOptions): Loaded {
  const faults: Faults = [];
  const secrets = new Set<string>();
  const remarks: string[] = [];
  const place = outline();
  const overrides = overridesFrom(env, place);
  let tree: Tree = readPlain(given, faults) ?? {}; // an empty file
  if (!isBranch(tree)) {
    faults.push({ path: '', message: 'must be an object with audit in it' });
    tree = {};
  }
  if (!strict) {
    checkTop(tree, faults);
    checkNames(env, place, faults, (remark) => remarks.push(remark));
  }
  tree =
    walk(tree, place, '', {
      substitute: (text, whole) =>
        strict ? substituteAsFlipt(text, env) : substitute(text, env, whole),
      ignoreUnknown: strict,
      overridden: new Set(overrides.map(({ path }) => path)),
      faults,
      hide: (secret) => secrets.add(secret),
    }) ?? {};
  tree = unfoldLedger(tree);
  for (const { keys, name, value, notes } of overrides) {
    const result = strict ? substituteAsFlipt(value, env) : substitute(value, env, true);
    if ('fault' in result) faults.push({ path: `$${name}`, message: result.fault });
    else {
      for (const one of notes?.secret ? [result.text] : result.values) secrets.add(one);
      tree = unfoldLedger(withValue(tree, keys, result.text));
    }
  }
  return { settings: read(tree, faults), tree, faults, secrets, remarks };
}

/** What can be read, so that the rest is checked however wrong a part is. */
function read(tree: Tree, faults: Faults): Settings {
  const parsed = configSchema.safeParse(tree);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.flatMap((issue) => issuesIn(issue));
  const known = new Set(faults.map(({ path }) => path));
  let sound: Tree = tree;
  for (const { keys, message } of issues) {
    const path = keys.reduce<string>((parent, key) => pathTo(parent, key as string | number), '');
    // What an expression did not give cannot be of the right type either.
    if (!known.has(path)) faults.push({ path, message });
    sound = without(sound, keys);
  }
  // A section that lacks what it requires goes as a whole; in the end nothing is left to be wrong.
  for (let again = configSchema.safeParse(sound); ; again = configSchema.safeParse(sound)) {
    if (again.success) return again.data;
    for (const { path } of again.error.issues) sound = without(sound, path.slice(0, -1));
  }
}

interface Issue {
  readonly keys: readonly PropertyKey[];
  readonly message: string;
}

/** Of a place that may hold several things, the issues with the one that was meant: its type fits. */
function issuesIn(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): Issue[] {
  const keys = [...above, ...issue.path];
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.find((errors) => errors.every(({ path }) => path.length > 0));
    if (meant !== undefined) return meant.flatMap((inner) => issuesIn(inner, keys));
  }
  return [{ keys, message: issue.message }];
}

/** The tree without a member; where it is not there, or an element of a list, without what holds it. */
function without(tree: Tree, path: readonly PropertyKey[]): Tree {
  const [key, ...rest] = path;
  if (!isBranch(tree) || typeof key !== 'string' || !Object.hasOwn(tree, key)) return {};
  const others = Object.entries(tree).filter(([name]) => name !== key);
  const member = tree[key]!;
  if (rest.length === 0 || !isBranch(member)) return Object.fromEntries(others);
  if (rest.length === 1 && !Object.hasOwn(member, rest[0]!)) return Object.fromEntries(others);
  return Object.fromEntries([...others, [key, without(member, rest)]]);
}

/** Only what is read is looked at: what else stands in a Flipt file is none of our business. */
function readPlain(given: unknown, faults: Faults): Tree {
  try {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      return plainTree(given, '', faults);
    }
    const read = Object.keys(outline().properties ?? {});
    const members = Object.entries(given).map(([key, value]) => {
      const name = read.find((one) => one === key.toLowerCase());
      return [key, name === undefined ? null : plainTree(value, name, faults)] as const;
    });
    return Object.fromEntries(members);
  } catch {
    faults.push({ path: '', message: 'cannot be read: a getter or a proxy in it throws' });
    return null;
  }
}

/** A misspelt `audit` must not leave the whole section out unseen. */
function checkTop(tree: Tree, faults: Faults): void {
  if (!isBranch(tree)) return;
  const keys = Object.keys(tree);
  if (keys.some((key) => key.toLowerCase() === 'audit')) return;
  for (const key of keys) {
    if (nearest(key, ['audit']) !== undefined) {
      faults.push({ path: pathTo('', key), message: 'is not known; did you mean audit?' });
    } else if (['sinks', 'ledger', 'events', 'rules'].includes(key)) {
      faults.push({ path: key, message: 'must stand under audit' });
    }
  }
}

/** `ledger: ./audit` says the folder alone; an environment may add to it. */
function unfoldLedger(tree: Tree): Tree {
  const ledger = memberOf(memberOf(tree, 'audit'), 'ledger');
  if (ledger === 'false') return withValue(tree, ['audit', 'ledger'], false);
  if (typeof ledger !== 'string') return tree;
  return withValue(tree, ['audit', 'ledger'], { directory: ledger });
}
