import { nameFault } from '../event/event.js';
import { invalidOption, show } from '../http/options.js';

/** Noun and verb of the event that a request asks for. */
export interface EventPair {
  readonly type: string;
  readonly action: string;
}

/** Flipt's requests and what becomes of them; every other verb stands for itself. */
const DONE: ReadonlyMap<string, string> = new Map([
  ['create', 'created'],
  ['update', 'updated'],
  ['delete', 'deleted'],
]);

const known = new Map<string, EventPair>();
const MAX_KNOWN = 1024;

/**
 * Reads `type:action`; the actions `create`, `update` and `delete` become `created`, `updated` and
 * `deleted`.
 *
 * @throws {AuditError} `invalid-option`, naming where it stands.
 */
export function readAuditRequest(where: string, text: unknown): EventPair {
  const found = known.get(text as string);
  if (found !== undefined) return found;
  if (typeof text !== 'string') throw invalidOption(where, `must be a text, not ${show(text)}`);
  const colon = text.indexOf(':');
  const type = text.slice(0, Math.max(colon, 0));
  const verb = text.slice(colon + 1);
  if (colon < 0 || (nameFault(type) ?? nameFault(verb)) !== undefined) {
    throw invalidOption(
      where,
      `must be a noun, ':' and a verb, as 'flag:create', not ${show(text)}`,
    );
  }
  const pair = Object.freeze({ type, action: DONE.get(verb) ?? verb });
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, pair);
  return pair;
}
