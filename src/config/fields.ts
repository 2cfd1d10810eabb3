import { z } from 'zod';
import { fliptMilliseconds, parseDuration, parseSize } from './duration.js';

/** What is known of a field beside its type. */
export interface FieldNotes {
  /** Ends the sentence `… must be`. */
  readonly allowed: string;
  /** How the reference calls its type. */
  readonly kind: string;
  /** Whether its value may be shown to nobody. */
  readonly secret?: boolean;
  /** Whether an expression counts only where it is the whole value, as in a text that has braces. */
  readonly whole?: boolean;
}

/** Notes by the schema of a field. */
export const fieldNotes: WeakMap<object, FieldNotes> = new WeakMap();

type Json = Readonly<Record<string, unknown>>;

/**
 * A field that takes what a file, an environment or code says. Variables give texts, and so do Flipt's
 * defaults, hence a text counts where it reads as the type that is meant.
 *
 * @param json how an editor checks it
 * @param read undefined for what is not allowed
 */
function field<Output, Input>(
  notes: FieldNotes,
  json: Json,
  read: (value: unknown) => Output | undefined,
): z.ZodType<Output, Input> {
  const schema = z
    .unknown()
    .transform((value, context) => {
      const result = read(value);
      if (result !== undefined) return result;
      context.addIssue({ code: 'custom', message: `must be ${notes.allowed}` });
      return z.NEVER;
    })
    .meta(json);
  fieldNotes.set(schema, notes);
  return schema as unknown as z.ZodType<Output, Input>;
}

/** `${VAR}` and the like, which an editor must not underline. */
const EXPRESSION = { type: 'string', pattern: '\\$\\{.+\\}' };
const orExpression = (json: Json): Json => ({ anyOf: [json, EXPRESSION] });

// Go's strconv.ParseBool.
const TRUE = ['true', 'TRUE', 'True', 't', 'T', '1'];
const FALSE = ['false', 'FALSE', 'False', 'f', 'F', '0'];

export function flag(): z.ZodType<boolean, boolean | string> {
  const notes = { allowed: 'true or false', kind: 'true or false' };
  return field(
    notes,
    { anyOf: [{ type: 'boolean' }, { enum: ['true', 'false'] }, EXPRESSION] },
    (value) => {
      if (typeof value === 'boolean') return value;
      // An object's String() may throw.
      const said = typeof value === 'number' ? String(value) : value;
      return (
        TRUE.some((one) => one === said) || (FALSE.some((one) => one === said) ? false : undefined)
      );
    },
  );
}

const MAX_TEXT = 1_000_000;

export function text(allowed = 'a text'): z.ZodType<string, string> {
  return field({ allowed, kind: 'text' }, { type: 'string' }, readText);
}

/** The text of a template: braces in it are its own. */
export function template(): z.ZodType<string, string> {
  const notes = { allowed: 'a Go text/template that makes JSON', kind: 'template', whole: true };
  return field(notes, { type: 'string' }, readText);
}

/** A text that may be shown to nobody. */
export function secret(allowed = 'a text'): z.ZodType<string, string> {
  return field({ allowed, kind: 'secret', secret: true }, { type: 'string' }, readText);
}

/** Where YAML reads a number or a truth, as in `username: 12345`, a text was meant. */
function readText(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.length <= MAX_TEXT ? value : undefined;
}

/** One of the words; an empty text is the default, as in Flipt. */
export function word<const Word extends string>(
  words: readonly Word[],
): z.ZodType<Word | '', Word | ''> {
  return choice([...words, ''], words.join(' or '));
}

/** One of the words. */
export function choice<const Word extends string>(
  words: readonly Word[],
  allowed = words.join(' or '),
): z.ZodType<Word, Word> {
  return field({ allowed, kind: allowed }, orExpression({ enum: [...words] }), (value) =>
    words.find((one) => one === value),
  );
}

/** A number within bounds, both allowed. */
export function number(
  least: number,
  most: number,
  { whole = true } = {},
): z.ZodType<number, number | string> {
  const type = whole ? 'integer' : 'number';
  const name = whole ? 'a whole number' : 'a number';
  return field(
    { allowed: `${name} from ${least} to ${most}`, kind: whole ? 'whole number' : 'number' },
    orExpression({ type, minimum: least, maximum: most }),
    (value) => {
      const read = readNumber(value);
      if (read === undefined || (whole && !Number.isInteger(read))) return undefined;
      return read >= least && read <= most ? read : undefined;
    },
  );
}

function readNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > 64 || value.trim() === '') return undefined;
  const read = Number(value);
  return Number.isNaN(read) ? undefined : read;
}

/** Milliseconds, or a duration such as `90s`, `36h` or `400d`. */
export function milliseconds(least: number, most: number): z.ZodType<number, number | string> {
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `${least} to ${most}`;
  return field(
    { allowed: `a duration such as 90s or 400d, or milliseconds, ${range} ms`, kind: 'duration' },
    { anyOf: [{ type: 'number', minimum: least }, { type: 'string' }] },
    (value) => {
      const read =
        readNumber(value) ??
        (typeof value === 'string' ? parseDuration(value, { days: true }) : undefined);
      return read !== undefined && read >= least && read <= most ? read : undefined;
    },
  );
}

/** Bytes, or a size such as `64MiB`. */
export function bytes(
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): z.ZodType<number, number | string> {
  const range =
    most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return field(
    { allowed: `a size such as 64MiB, or bytes, ${range}`, kind: 'size' },
    { anyOf: [{ type: 'integer', minimum: least }, { type: 'string' }] },
    (value) => {
      const read = typeof value === 'string' ? parseSize(value) : readNumber(value);
      return read !== undefined && Number.isInteger(read) && read >= least && read <= most
        ? read
        : undefined;
    },
  );
}

/** A duration as Flipt reads it: `2m`; a number counts nanoseconds, as in Go. Kept as it is written. */
export function fliptDuration(): z.ZodType<string | number, string | number> {
  return field(
    { allowed: 'a duration such as 2m or 15s, from 1ms to 24 days', kind: 'duration' },
    { anyOf: [{ type: 'string' }, { type: 'number' }] },
    (value) => {
      if (typeof value !== 'string' && typeof value !== 'number') return undefined;
      const read = fliptMilliseconds(value);
      return read !== undefined && read >= 1 && read <= MAX_TIMER_MS ? value : undefined;
    },
  );
}

/** setTimeout's bound. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_LIST = 10_000;

/** A list of texts, or one text that is split at white space. */
export function texts(
  allowed = 'a list of texts, or texts with blanks between them',
  { secret: isSecret = false } = {},
): z.ZodType<readonly string[], readonly string[] | string> {
  return field(
    { allowed, kind: 'list of texts', secret: isSecret },
    { anyOf: [{ type: 'array', items: { type: 'string' } }, { type: 'string' }] },
    (value) => {
      if (typeof value === 'string') return value.split(/\s+/).filter((one) => one !== '');
      if (!Array.isArray(value) || value.length > MAX_LIST) return undefined;
      const read = value.map(readText);
      return read.includes(undefined) ? undefined : (read as string[]);
    },
  );
}

/** Texts by name, such as headers; their values are secrets. */
export function secretsByName(): z.ZodType<
  Readonly<Record<string, string>>,
  Readonly<Record<string, string>>
> {
  return field(
    { allowed: 'an object of texts by name', kind: 'texts by name', secret: true },
    { type: 'object', additionalProperties: { type: 'string' } },
    (value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
      const entries = Object.entries(value).map(([name, one]) => [name, readText(one)] as const);
      if (entries.length > 1000 || entries.some(([, one]) => one === undefined)) return undefined;
      return Object.fromEntries(entries) as Record<string, string>;
    },
  );
}
