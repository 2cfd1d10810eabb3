import { RenderError } from './fault.js';
import { isPlainJson, parsePayload } from './payload.js';
import {
  Byte,
  compareBytes,
  ExactNumber,
  isMap,
  isSlice,
  isStruct,
  RawJson,
  type Settled,
  type Struct,
  settle,
  sortedKeys,
  stringOf,
  type Value,
} from './value.js';

const MAX_DEPTH = 1000;

/** The value as Go's json.Marshal prints it: keys sorted, `<`, `>` and `&` escaped. */
export function printJson(value: Value): string {
  if (!(value instanceof RawJson)) return print(settle(value), 0);
  const { text } = value;
  return isPlainJson(text) && !UNLIKE_GO.test(text)
    ? new Sorter(text).run()
    : print(settle(parsePayload(text)), 0);
}

/** What Go may write otherwise inside a string. */
const UNLIKE_GO = /[\\<>&\u2028\u2029]/;

function print(value: Settled, depth: number): string {
  if (depth > MAX_DEPTH) throw new RenderError('the value is nested too deeply');
  if (value === undefined || value === null) return 'null';
  const text = stringOf(value);
  if (text !== undefined) return quoteJson(text);
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value instanceof ExactNumber) return value.text;
  if (value instanceof Byte) return String(value.value);
  if (isSlice(value)) return `[${value.map((item) => print(settle(item), depth + 1)).join()}]`;
  if (isStruct(value)) return printStruct(value, depth);
  if (!isMap(value)) return String(value);
  const members = sortedKeys(value).map(
    (key) => `${quoteJson(key)}:${print(settle(value[key]), depth + 1)}`,
  );
  return `{${members.join()}}`;
}

function printStruct(value: Struct, depth: number): string {
  let text = '{';
  for (const { name, jsonName, omitEmpty } of value.struct.fields) {
    const member = value.get(name);
    if (omitEmpty && member === '') continue;
    const printed =
      member instanceof RawJson ? printJson(member) : print(settle(member), depth + 1);
    text += `${text === '{' ? '' : ','}"${jsonName}":${printed}`;
  }
  return `${text}}`;
}

const ESCAPED: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

function quoteJson(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[<>&\u2028\u2029]/g,
    (character) => ESCAPED[character]!,
  );
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Prints plain JSON without parsing it: four times as fast. It must be valid and without escapes, so
 * that the next quote ends a string.
 */
class Sorter {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): string {
    this.#space();
    return this.#value();
  }

  #value(): string {
    const start = this.#at;
    switch (this.#text.charCodeAt(start)) {
      case OPEN_BRACE:
        return this.#object();
      case OPEN_BRACKET:
        return this.#array();
      case QUOTE:
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #string(): string {
    const start = this.#at;
    this.#at = this.#text.indexOf('"', start + 1) + 1;
    return this.#text.slice(start, this.#at);
  }

  /** A number or a word. */
  #scalar(): string {
    const start = this.#at;
    let end = start;
    let hasPoint = false;
    for (; ; end += 1) {
      const unit = this.#text.charCodeAt(end);
      if (unit === 0x2e) hasPoint = true;
      // Ends at a comma, a bracket, white space or the end, none of which is part of it.
      if (!(unit > 0x2c) || unit === CLOSE_BRACKET || unit === CLOSE_BRACE) break;
    }
    this.#at = end;
    const scalar = this.#text.slice(start, end);
    return hasPoint ? print(Number(scalar), 0) : scalar;
  }

  #array(): string {
    this.#open();
    let printed = '[';
    while (this.#text.charCodeAt(this.#at) !== CLOSE_BRACKET) {
      if (printed !== '[') printed += ',';
      printed += this.#value();
      this.#separate();
    }
    this.#close();
    return `${printed}]`;
  }

  #object(): string {
    this.#open();
    const members: Member[] = [];
    let sorted = true;
    while (this.#text.charCodeAt(this.#at) !== CLOSE_BRACE) {
      const quoted = this.#string();
      const key = quoted.slice(1, -1);
      this.#colon();
      const last = members.at(-1);
      sorted &&= last === undefined || compareBytes(last.key, key) < 0;
      members.push({ key, text: `${quoted}:${this.#value()}` });
      this.#separate();
    }
    this.#close();
    if (!sorted) sortMembers(members);
    let printed = '';
    for (const [index, { key, text }] of members.entries()) {
      if (members[index + 1]?.key === key) continue; // said twice: the last one counts
      printed += printed === '' ? text : `,${text}`;
    }
    return `{${printed}}`;
  }

  #open(): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new RenderError('the payload is nested too deeply');
    this.#at += 1;
    this.#space();
  }

  #close(): void {
    this.#depth -= 1;
    this.#at += 1;
  }

  #colon(): void {
    this.#space();
    this.#at += 1;
    this.#space();
  }

  #separate(): void {
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== COMMA) return;
    this.#at += 1;
    this.#space();
  }

  #space(): void {
    while (this.#text.charCodeAt(this.#at) <= 0x20) this.#at += 1;
  }
}

interface Member {
  readonly key: string;
  readonly text: string;
}

function sortMembers(members: Member[]): void {
  members.sort((a, b) => compareBytes(a.key, b.key));
}
