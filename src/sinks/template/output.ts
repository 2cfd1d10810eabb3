import { RenderError } from './fault.js';
import {
  afterValue,
  broken,
  expectsValue,
  isBroken,
  isComplete,
  isInEscape,
  isInString,
  type JsonState,
  readJson,
} from './json-state.js';
import type { TextNode } from './nodes.js';
import { sprint } from './printf.js';
import { ExactNumber, MadeText, type Settled } from './value.js';

/** What JSON wants escaped in a string. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /["\\\u0000-\u001f]/;

/**
 * The text that a template makes. It follows the text's JSON: inside a string, values are escaped;
 * outside, what comes from an event may be one value or part of one, and nothing else, so that the
 * structure of the body is the template's alone.
 */
export class Output {
  readonly #maxLength: number;
  #text = '';
  #state: JsonState;
  #isForged = false;

  /** @param start from `jsonStart`, the same one for every event */
  constructor(start: JsonState, maxLength: number) {
    start.level.trim();
    this.#state = start;
    this.#maxLength = maxLength;
  }

  get text(): string {
    return this.#text;
  }

  get isJson(): boolean {
    return isComplete(this.#state);
  }

  /** Whether a value would have changed the structure. */
  get isForged(): boolean {
    return this.#isForged;
  }

  /** The template's own text. */
  writeText(node: TextNode): void {
    this.#append(node.text);
    if (node.passage?.from !== this.#state) {
      node.passage = { from: this.#state, to: readJson(this.#state, node.text)! };
    }
    this.#state = node.passage.to;
  }

  /** The value of an action, `nil` as `<no value>`. */
  writeValue(value: Settled): void {
    if (typeof value === 'string') this.#writeForeign(value);
    else if (value instanceof MadeText) this.#writeMade(value);
    else if (typeof value === 'bigint' || value instanceof ExactNumber) {
      this.#writeForeign(value instanceof ExactNumber ? value.text : String(value));
    } else this.#writeMade(sprint([value], this.#maxLength));
  }

  #writeMade(value: MadeText): void {
    const state = this.#state;
    const isInside = isInString(state) || isInEscape(state);
    if (value.isDelimitedJson && expectsValue(state)) {
      this.#append(value.text);
      this.#state = afterValue(state);
    } else if (isInside) this.#writeForeign(value.text);
    else {
      for (const piece of value.pieces) {
        if (piece.foreign) this.#writeForeign(piece.text);
        else this.#writeOwn(piece.text);
      }
    }
  }

  #writeOwn(text: string): void {
    this.#append(text);
    this.#state = readJson(this.#state, text)!;
  }

  #writeForeign(text: string): void {
    const state = this.#state;
    if (isInString(state)) this.#append(UNSAFE.test(text) ? escapeJson(text) : text);
    else if (isInEscape(state)) this.#writeEscape(text);
    else {
      this.#append(text);
      this.#state = this.#readWithin(text);
    }
  }

  /** What follows the template's own backslash ends the escape; the rest is inside the string. */
  #writeEscape(text: string): void {
    if (text === '') return;
    const [first] = text;
    this.#writeOwn(first!);
    this.#writeForeign(text.slice(first!.length));
  }

  #readWithin(text: string): JsonState {
    const { level } = this.#state;
    const to = readJson(this.#state, text, level);
    if (to !== undefined && isBroken(to)) return to;
    const isWhole = to !== undefined && to.level === level && !isInString(to) && !isInEscape(to);
    if (isWhole) return to;
    this.#isForged = true;
    return broken(this.#state);
  }

  #append(text: string): void {
    this.#text += text;
    if (this.#text.length > this.#maxLength) throw new RenderError('the body is too large');
  }
}

function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
