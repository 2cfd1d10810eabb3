import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../config/suggestion.js';
import { messageOf } from '../errors.js';
import { UsageError } from './usage.js';

/** Which options a command knows, as `parseArgs` takes them. */
export type CommandOptions = NonNullable<ParseArgsConfig['options']>;

export type OptionValues = Readonly<Record<string, string | boolean | string[] | undefined>>;

/** The arguments of a command, taken apart. */
export interface Parsed {
  readonly values: OptionValues;
  readonly positionals: readonly string[];
}

/** @throws {UsageError} for an option that the command does not know, or one without its value */
export function parseOptions(args: readonly string[], options: CommandOptions): Parsed {
  const all = { ...options, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: all as CommandOptions,
      allowPositionals: true,
    });
    return { values: values as OptionValues, positionals };
  } catch (error) {
    throw new UsageError(faultOf(messageOf(error), Object.keys(all)));
  }
}

/** What Node says, without its advice for words that begin with a dash. */
function faultOf(message: string, known: readonly string[]): string {
  const [fault = ''] = message.split('. To specify a positional argument');
  const given = /Unknown option '--([^'=]+)/.exec(fault)?.[1];
  const meant = given === undefined ? undefined : nearest(given, known);
  if (meant !== undefined) return `${fault}: did you mean --${meant}?`;
  return given === undefined ? fault : `${fault}; there are --${known.join(', --')}`;
}

/** The text of an option. */
export function textOf(values: OptionValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** The texts of an option that may be given several times. */
export function textsOf(values: OptionValues, name: string): string[] {
  const value = values[name];
  return Array.isArray(value) ? value : [];
}

/** @throws {UsageError} for what is no whole number from `least` on */
export function countOf(values: OptionValues, name: string, least: number): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw new UsageError(
    `--${name} must be a whole number from ${least} on, not ${JSON.stringify(text)}`,
  );
}

const AGO = /^(\d{1,9})(s|m|h|d|w)$/;
const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * A moment: RFC 3339, a date, which is its midnight in UTC, or how long ago, as in `90m`, `24h`, `7d`.
 *
 * @returns milliseconds since 1970
 * @throws {UsageError}
 */
export function momentOf(values: OptionValues, name: string, now: number): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const ago = AGO.exec(text);
  if (ago !== null) return now - Number(ago[1]) * UNITS_MS[ago[2]!]!;
  const isDated = /^\d{4}-\d{2}-\d{2}(?:$|T)/.test(text);
  const time = isDated ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new UsageError(
    `--${name} must be a time such as 2026-11-24T09:00:00Z, a date, or how long ago, such as 24h or 7d; not ${JSON.stringify(text)}`,
  );
}
