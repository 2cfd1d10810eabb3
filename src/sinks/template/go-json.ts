import { RenderError } from './fault.js';
import { printNumber } from './floats.js';
import { parsePayload } from './payload.js';
import { sortJson } from './sorted-json.js';
import {
  Byte,
  ExactNumber,
  isMap,
  isSlice,
  isStruct,
  RawJson,
  type Struct,
  settle,
  sortedKeys,
  stringOf,
  type Value,
} from './value.js';

/** As deep as a payload may be. */
const MAX_DEPTH = 1000;

/** The value as Go's json.Marshal prints it: keys sorted, `<`, `>` and `&` escaped. */
export function printJson(value: Value): string {
  if (!(value instanceof RawJson)) return print(value, 0);
  const { text } = value;
  return sortJson(text) ?? print(parsePayload(text), 0);
}

function print(given: Value, depth: number): string {
  if (typeof given === 'string') return quoteJson(given);
  const value = settle(given);
  if (depth > MAX_DEPTH) throw new RenderError('the value is nested too deeply');
  if (value === undefined || value === null) return 'null';
  const text = stringOf(value);
  if (text !== undefined) return quoteJson(text);
  if (typeof value === 'number') return printNumber(value);
  if (value instanceof ExactNumber) return value.text;
  if (value instanceof Byte) return String(value.value);
  if (isSlice(value)) return `[${value.map((item) => print(item, depth + 1)).join()}]`;
  if (isStruct(value)) return printStruct(value, depth);
  if (!isMap(value)) return String(value);
  const members = sortedKeys(value).map(
    (key) => `${quoteJson(key)}:${print(value[key], depth + 1)}`,
  );
  return `{${members.join()}}`;
}

function printStruct(value: Struct, depth: number): string {
  let text = '';
  for (const { name, jsonName, omitEmpty } of value.struct.fields) {
    const member = value.get(name);
    if (omitEmpty && member === '') continue;
    const printed = member instanceof RawJson ? printJson(member) : print(member, depth + 1);
    text += `${text === '' ? '' : ','}"${jsonName}":${printed}`;
  }
  return `{${text}}`;
}

const ESCAPED: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SPECIAL = /["\\\u0000-\u001f<>&\u2028\u2029\ud800-\udfff]/;

function quoteJson(text: string): string {
  if (!SPECIAL.test(text)) return `"${text}"`;
  return JSON.stringify(text.toWellFormed()).replace(
    /[<>&\u2028\u2029]/g,
    (character) => ESCAPED[character]!,
  );
}
