import { AuditError } from '../errors.js';

/**
 * The members of a factory's options, all of them known.
 *
 * @param path the factory, for messages: `webhookSink`
 * @throws {AuditError} `invalid-option`, naming what is not known.
 */
export function requireMembers<Options extends object>(
  path: string,
  options: Options,
  known: readonly (keyof Options & string)[],
): Options {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidOption(path, `takes an object of options, not ${show(options)}`);
  }
  // A misspelt option must not be left out unseen.
  for (const key of Object.keys(options)) {
    if (!(known as readonly string[]).includes(key)) {
      throw invalidOption(path, `has no option ${JSON.stringify(key)}`);
    }
  }
  return options;
}

/** @throws {AuditError} `invalid-option` for anything but one of the words. */
export function requireWord<Word extends string>(
  path: string,
  value: unknown,
  words: readonly Word[],
): Word {
  const word = words.find((one) => one === value);
  if (word !== undefined) return word;
  const list = words.map((one) => `'${one}'`).join(' or ');
  throw invalidOption(path, `must be ${list}, not ${show(value)}`);
}

/** @throws {AuditError} `invalid-option` for anything but a whole number from 1 to `most`. */
export function requireCount(path: string, value: unknown, most: number): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) {
    return value as number;
  }
  throw invalidOption(path, `must be a whole number from 1 to ${most}, not ${show(value)}`);
}

export function invalidOption(path: string, fault: string): AuditError {
  return new AuditError('invalid-option', `${path} ${fault}`);
}

/** What somebody wrote into a configuration, on one line. Not for what may be a secret. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
