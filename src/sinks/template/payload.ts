import { RenderError } from './fault.js';
import { decimalKey } from './floats.js';
import { ExactNumber, type Value } from './value.js';

/**
 * What JSON.parse might alter, or tell apart otherwise than Go: numbers of sixteen digits and more, or
 * with an exponent, and halves of a surrogate pair. Strings may hold the like; that costs time alone.
 */
const DELICATE = /(?:^|[\s:,[])-?(?:[\d.]{16}|[\d.]+[eE])|\\u[dD][89a-fA-F]/;

function isPlain(text: string): boolean {
  return !DELICATE.test(text) && text.isWellFormed();
}

/** Go's encoding/json reads no deeper. */
const MAX_DEPTH = 1000;

/** The value of a JSON text; numbers that float64 would alter stay as they are. */
export function parsePayload(text: string): Value {
  if (isPlain(text)) return JSON.parse(text) as Value;
  return new ExactParser(text).parse();
}

/** The number as a float64, or exact where that would print as another. */
export function readJsonNumber(text: string): number | ExactNumber {
  const value = Number(text);
  if (Number.isFinite(value) && decimalKey(text) === decimalKey(String(value))) return value;
  return new ExactNumber(text);
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const SPACE = /[ \t\r\n]*/y;

/** For JSON that is known to be valid: it was recorded as such. */
class ExactParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Value {
    this.#take(SPACE);
    return this.#value();
  }

  #value(): Value {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case '"':
        return this.#string();
      case 't':
        this.#at += 4;
        return true;
      case 'f':
        this.#at += 5;
        return false;
      case 'n':
        this.#at += 4;
        return null;
      default:
        return readJsonNumber(this.#take(NUMBER));
    }
  }

  #object(): Value {
    const members: Record<string, Value> = {};
    this.#nest();
    while (this.#text[this.#at] !== '}') {
      const key = this.#string();
      this.#skip(); // the colon
      // Defined, not set: __proto__ is a name like any other.
      Object.defineProperty(members, key, {
        value: this.#value(),
        configurable: true,
        enumerable: true,
        writable: true,
      });
      this.#separate();
    }
    this.#unnest();
    return members;
  }

  #array(): Value {
    const items: Value[] = [];
    this.#nest();
    while (this.#text[this.#at] !== ']') {
      items.push(this.#value());
      this.#separate();
    }
    this.#unnest();
    return items;
  }

  #nest(): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new RenderError('the payload is nested too deeply');
    this.#skip();
  }

  #unnest(): void {
    this.#depth -= 1;
    this.#at += 1;
  }

  /** White space, one structural character, white space. */
  #skip(): void {
    this.#take(SPACE);
    this.#at += 1;
    this.#take(SPACE);
  }

  #separate(): void {
    this.#take(SPACE);
    if (this.#text[this.#at] === ',') this.#skip();
    else if (this.#at >= this.#text.length) throw new RenderError('the payload is not valid JSON');
  }

  #string(): string {
    return (JSON.parse(this.#take(STRING)) as string).toWellFormed();
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [taken] = pattern.exec(this.#text) ?? [];
    if (taken === undefined) throw new RenderError('the payload is not valid JSON');
    this.#at += taken.length;
    return taken;
  }
}
