import { type Faults, pathTo } from './fault.js';
import { type Leaf, leavesOf, type Outline } from './outline.js';
import type { Environment } from './substitution.js';
import { nearest } from './suggestion.js';

/** A field that the environment sets. */
export interface Override extends Leaf {
  readonly name: string;
  readonly path: string;
  readonly value: string;
}

const PREFIX = 'FLIPT_';

/** `FLIPT_` and the path in upper case: `audit.delivery.maxBatch` is `FLIPT_AUDIT_DELIVERY_MAX_BATCH`. */
export function variableOf(keys: readonly string[]): string {
  const words = keys.map((key) => key.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase());
  return PREFIX + words.join('_');
}

/** What the environment sets; an empty variable sets nothing, as in Flipt. */
export function overridesFrom(env: Environment, place: Outline): Override[] {
  return leavesOf(place).flatMap((leaf) => {
    const name = variableOf(leaf.keys);
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined || value === '') return [];
    const path = leaf.keys.reduce<string>((parent, key) => pathTo(parent, key), '');
    return [{ ...leaf, name, path, value }];
  });
}

/**
 * A variable that nearly names a field is a fault; others are told, for a cluster sets variables of its
 * own (`FLIPT_AUDIT_PORT` for a service named flipt-audit).
 */
export function checkNames(
  env: Environment,
  place: Outline,
  faults: Faults,
  tell: (message: string) => void,
): void {
  const known = leavesOf(place).map(({ keys }) => variableOf(keys));
  for (const name of Object.keys(env)) {
    if (!name.startsWith('FLIPT_AUDIT_') || known.includes(name)) continue;
    const meant = nearest(name, known);
    const shown = name.slice(0, 100);
    if (meant === undefined) tell(`the variable ${shown} sets nothing that is known`);
    else faults.push({ path: `$${shown}`, message: `is not known; did you mean ${meant}?` });
  }
}
