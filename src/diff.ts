import { createPatch } from 'rfc6902';
import { AuditError } from './errors.js';
import { jsonFault } from './event/texts.js';

/** An operation of a JSON Patch (RFC 6902, section 4); the path is a JSON Pointer (RFC 6901). */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

// The shortest way from one list to another takes as many steps as they have pairs of elements.
const MAX_PAIRS = 40_000;
const MAX_ELEMENTS = 1000;
/** Values compared in all. */
const MAX_COMPARED = 50_000;

/**
 * What changed, as a JSON Patch (RFC 6902) that makes `after` of `before`: for a payload, beside the two or
 * in their place. Both are taken as JSON, as they are recorded; `undefined` counts as null.
 *
 * The work is bounded: two lists with more than 40,000 pairs of elements or 1,000 elements are not
 * compared but replaced, as is whatever is left after 50,000 comparisons. The patch is right all the
 * same.
 *
 * @throws {AuditError} `invalid-event`, naming the argument, for what JSON cannot carry: a cycle, a BigInt
 * @example
 * const patch = auditDiff(before, after); // [{ op: 'replace', path: '/enabled', value: true }]
 * addEventToSpan(createEvent({ type: 'flag', action: 'updated', payload: { before, after, patch } }));
 */
export function auditDiff(before: unknown, after: unknown): PatchOperation[] {
  const [from, to] = [toJson('before', before), toJson('after', after)];
  let compared = 0;
  try {
    const patch = createPatch(from, to, (old: unknown, now: unknown, path) => {
      compared += 1;
      if (old === now) return undefined;
      if (compared > MAX_COMPARED) return [{ op: 'replace', path: path.toString(), value: now }];
      return areLong(old, now) ? replace(path.toString(), old, now) : undefined;
    });
    return patch as PatchOperation[];
  } catch (error) {
    if (error instanceof RangeError) return replace('', from, to); // nested too deeply
    throw error;
  }
}

function areLong(old: unknown, now: unknown): boolean {
  if (!Array.isArray(old) || !Array.isArray(now)) return false;
  return old.length * now.length > MAX_PAIRS || old.length + now.length > MAX_ELEMENTS;
}

function replace(
  path: string,
  old: unknown,
  value: unknown,
): (PatchOperation & { op: 'replace' })[] {
  return JSON.stringify(old) === JSON.stringify(value) ? [] : [{ op: 'replace', path, value }];
}

function toJson(argument: string, value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null');
  } catch (cause) {
    const fault = `auditDiff: ${argument} cannot be written as JSON: ${jsonFault(cause)}`;
    throw new AuditError('invalid-event', fault, { cause });
  }
}
