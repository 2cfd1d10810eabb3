import { createId } from '../../event/id.js';

/** Numbers that may not survive parsing: many digits, or an exponent. */
const RISKY = /(?:^|[:,[\s])-?(?:[\d.]{16}|[\d.]+[eE])/;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

let secretMark: string | undefined;

/** Keeps numbers exact where a JSON text is parsed and printed again: they travel as texts. */
export class ExactNumbers {
  /** The JSON text with marked texts in place of those numbers. */
  readonly text: string;
  readonly #mark: string;

  /** Undefined where parsing changes no number of the text. */
  static in(text: string): ExactNumbers | undefined {
    return RISKY.test(text) ? new ExactNumbers(text) : undefined;
  }

  private constructor(text: string) {
    secretMark ??= `${createId()}:`; // nobody can have written it into the text
    this.#mark = secretMark;
    this.text = text.replace(TOKEN, (token) =>
      token.startsWith('"') || String(Number(token)) === token ? token : `"${this.#mark}${token}"`,
    );
  }

  restore(text: string): string {
    return text.replaceAll(new RegExp(`"${this.#mark}([^"]+)"`, 'g'), '$1');
  }
}
