import type { AuditError } from '../../errors.js';

/** What a path of the option `redact` says. */
export type ParsedPath =
  /** From `payload` or `actor` on; `*` is any member. */
  | { readonly root: 'payload' | 'actor'; readonly segments: readonly string[] }
  /** Any depth. */
  | { readonly root: 'any'; readonly name: string }
  | { readonly root: 'credentials' };

const CREDENTIALS = 'credentials';
const ANY_DEPTH = '**.';
const MAX_LENGTH = 1024;
const SEGMENT = /(\.?)([^.[\]"'*,]+|\*)|\[(?:"([^"[\],]*)"|'([^'[\],]*)'|(\d+|\*))\]/y;
/** Where the library would change an array or a prototype instead of a member. */
const FORBIDDEN = ['__proto__', 'length'];

/** @param refuse makes an error of what is wrong with the path */
export function parsePath(path: unknown, refuse: (fault: string) => AuditError): ParsedPath {
  if (typeof path !== 'string' || path === '' || path.length > MAX_LENGTH) {
    throw refuse(`must be a text of 1 to ${MAX_LENGTH} characters`);
  }
  if (path === CREDENTIALS) return { root: 'credentials' };
  if (path.startsWith(ANY_DEPTH)) {
    const name = path.slice(ANY_DEPTH.length);
    if (name !== '' && !/[.*[\]]/.test(name)) return { root: 'any', name };
    throw refuse(`is ${quote(path)}: after **. stands one name, as in **.ssn`);
  }
  const segments = segmentsOf(path);
  if (segments === undefined) {
    throw refuse(
      `is ${quote(path)}, which is no path; one looks like payload.user["x-api-key"] or payload.items[*].card`,
    );
  }
  const forbidden = segments.find((segment) => FORBIDDEN.includes(segment));
  if (forbidden !== undefined) {
    throw refuse(`is ${quote(path)}: ${forbidden} can only be named as **.${forbidden}`);
  }
  const [first, second] = segments;
  if (first === 'payload') return { root: 'payload', segments: segments.slice(1) };
  if (first === 'metadata' && second === 'actor') {
    return { root: 'actor', segments: segments.slice(2) };
  }
  const hint = first === 'actor' ? `; write metadata.${path}` : '';
  throw refuse(
    `is ${quote(path)}, which begins with neither payload nor metadata.actor, and is neither **.name nor ${CREDENTIALS}${hint}`,
  );
}

function segmentsOf(path: string): string[] | undefined {
  const segments: string[] = [];
  SEGMENT.lastIndex = 0;
  while (SEGMENT.lastIndex < path.length) {
    const match = SEGMENT.exec(path);
    if (match === null) return undefined;
    const [, dot, plain, ...bracketed] = match;
    if (plain !== undefined && (dot === '.') !== segments.length > 0) return undefined;
    segments.push(plain ?? bracketed.find((found) => found !== undefined) ?? '');
  }
  return segments.some((segment) => segment.includes('..')) ? undefined : segments;
}

function quote(path: string): string {
  return JSON.stringify(path);
}
