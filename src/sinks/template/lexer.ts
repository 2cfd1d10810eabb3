import { TemplateSyntaxError } from './fault.js';

/** The kinds of token, as in Go's text/template/parse. */
export type TokenKind =
  | 'text'
  | 'left' // {{
  | 'right' // }}
  | 'space'
  | 'keyword'
  | 'identifier'
  | 'field' // .Name
  | 'variable' // $ or $name
  | 'dot'
  | 'nil'
  | 'bool'
  | 'number'
  | 'char'
  | 'string'
  | 'raw string'
  | '='
  | ':='
  | '|'
  | '('
  | ')'
  | 'other' // a comma, for one
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly offset: number;
}

const KEYWORDS: ReadonlySet<string> = new Set(
  'block break continue define else end if range template with'.split(' '),
);
const COMMENT = '/*';
const COMMENT_END = '*/';

/**
 * Cuts a template into tokens, white space trimmed and comments left out. The rules are those of Go's
 * text/template/parse/lex.go.
 *
 * @throws {TemplateSyntaxError}
 */
export function tokenize(template: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf('{{', at);
    const textEnd = open < 0 ? template.length : open;
    const trimsLeft = open >= 0 && hasLeftTrim(template, open + 2);
    const text = template.slice(at, textEnd);
    const kept = trimsLeft ? text.replace(/[ \t\r\n]+$/, '') : text;
    if (kept !== '') tokens.push({ kind: 'text', text: kept, offset: at });
    if (open < 0) break;
    const inside = open + (trimsLeft ? 4 : 2);
    at = template.startsWith(COMMENT, inside)
      ? skipComment(template, inside)
      : new ActionLexer(template, open, inside, tokens).run();
  }
  tokens.push({ kind: 'end', text: '', offset: template.length });
  return tokens;
}

function skipComment(template: string, start: number): number {
  const end = template.indexOf(COMMENT_END, start + COMMENT.length);
  if (end < 0) throw new TemplateSyntaxError(template, start, 'unclosed comment');
  const after = rightDelimiter(template, end + COMMENT_END.length);
  if (after === undefined) {
    throw new TemplateSyntaxError(template, end, 'comment ends before closing delimiter');
  }
  return after;
}

function hasLeftTrim(template: string, at: number): boolean {
  return template[at] === '-' && isSpace(template[at + 1]);
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\n';
}

/** Where the text goes on after a right delimiter at this place; undefined where there is none. */
function rightDelimiter(template: string, at: number): number | undefined {
  if (isSpace(template[at]) && template.startsWith('-}}', at + 1)) {
    let after = at + 4;
    while (isSpace(template[after])) after += 1;
    return after;
  }
  return template.startsWith('}}', at) ? at + 2 : undefined;
}

const ALPHANUMERIC = /[\p{L}\p{Nd}_]+/uy;
const QUOTED = /"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|'[^'\\\n]*(?:\\[^\n][^'\\\n]*)*'/y;
const NUMBER =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y;

/** What stands between `{{` and `}}`. */
class ActionLexer {
  readonly #template: string;
  readonly #tokens: Token[];
  #at: number;
  #parens = 0;

  constructor(template: string, open: number, inside: number, tokens: Token[]) {
    this.#template = template;
    this.#tokens = tokens;
    this.#at = inside;
    tokens.push({ kind: 'left', text: '{{', offset: open });
  }

  /** Where the text goes on. */
  run(): number {
    for (;;) {
      const after = rightDelimiter(this.#template, this.#at);
      if (after !== undefined) {
        if (this.#parens > 0) throw this.#fault('unclosed left paren');
        this.#emit('right', '}}');
        return after;
      }
      this.#token();
    }
  }

  #token(): void {
    const character = this.#template[this.#at];
    if (character === undefined) throw this.#fault('unclosed action');
    if (isSpace(character)) this.#space();
    else if (character === '=' || character === '|') this.#emit(character, character);
    else if (character === ':') this.#declaration();
    else if (character === '(' || character === ')') this.#paren(character);
    else if (character === '"') this.#quoted('string', 'unterminated quoted string');
    else if (character === "'") this.#quoted('char', 'unterminated character constant');
    else if (character === '`') this.#rawString();
    else if (character === '$') this.#name('variable');
    else if (/^(?:\.?\d|[-+])/.test(this.#template.slice(this.#at, this.#at + 2))) this.#number();
    else if (character === '.') this.#name('field');
    else if (this.#match(ALPHANUMERIC, this.#at) !== '') this.#word();
    else if (/[!-~]/.test(character)) this.#emit('other', character);
    else throw this.#fault('unrecognized character in action');
  }

  #declaration(): void {
    if (this.#template[this.#at + 1] !== '=') throw this.#fault('expected :=');
    this.#emit(':=', ':=');
  }

  #paren(paren: '(' | ')'): void {
    this.#parens += paren === '(' ? 1 : -1;
    if (this.#parens < 0) throw this.#fault('unexpected right paren');
    this.#emit(paren, paren);
  }

  /** White space, up to the one space that belongs to ` -}}`. */
  #space(): void {
    const start = this.#at;
    let end = start;
    while (isSpace(this.#template[end])) end += 1;
    if (this.#template.startsWith('-}}', end)) end -= 1;
    if (end > start) this.#emit('space', this.#template.slice(start, end));
  }

  #quoted(kind: 'string' | 'char', fault: string): void {
    const literal = this.#match(QUOTED, this.#at);
    if (literal === '') throw this.#fault(fault);
    this.#emit(kind, literal);
  }

  #rawString(): void {
    const end = this.#template.indexOf('`', this.#at + 1);
    if (end < 0) throw this.#fault('unterminated raw quoted string');
    this.#emit('raw string', this.#template.slice(this.#at, end + 1));
  }

  #number(): void {
    const text = this.#match(NUMBER, this.#at);
    const end = this.#at + text.length;
    const next = this.#template[end];
    if (this.#match(ALPHANUMERIC, end) !== '') throw this.#fault('bad number syntax');
    if (next === '+' || next === '-') throw this.#fault('complex numbers are not supported');
    this.#emit('number', text);
  }

  #word(): void {
    const word = this.#match(ALPHANUMERIC, this.#at);
    this.#requireTerminator(this.#at + word.length);
    if (word === 'nil') this.#emit('nil', word);
    else if (word === 'true' || word === 'false') this.#emit('bool', word);
    else this.#emit(KEYWORDS.has(word) ? 'keyword' : 'identifier', word);
  }

  /** After `.` or `$`, which may stand alone. */
  #name(kind: 'field' | 'variable'): void {
    const start = this.#at;
    const name = this.#match(ALPHANUMERIC, start + 1);
    this.#requireTerminator(start + 1 + name.length);
    const text = this.#template.slice(start, start + 1 + name.length);
    this.#emit(text === '.' ? 'dot' : kind, text);
  }

  #requireTerminator(at: number): void {
    const next = this.#template[at];
    if (next === undefined || isSpace(next) || '.,|:)('.includes(next)) return;
    if (this.#template.startsWith('}}', at)) return;
    throw new TemplateSyntaxError(this.#template, at, 'bad character');
  }

  #match(pattern: RegExp, at: number): string {
    pattern.lastIndex = at;
    return pattern.exec(this.#template)?.[0] ?? '';
  }

  #emit(kind: TokenKind, text: string): void {
    this.#tokens.push({ kind, text, offset: this.#at });
    this.#at += text.length;
  }

  #fault(fault: string): TemplateSyntaxError {
    return new TemplateSyntaxError(this.#template, this.#at, fault);
  }
}
