/** What paths say of a value: it is hidden, or something in it is. */
export interface PathNode {
  readonly hides?: boolean;
  /** Makes the value's JSON text anew. */
  readonly redact?: (text: string) => string;
  /** By the names of an object's members. */
  readonly members?: ReadonlyMap<string, PathNode>;
}

/** What a walk through a JSON text does with what it finds. */
export interface Walk {
  readonly names: { readonly isEmpty: boolean; has(name: string): boolean };
  /** What stands in a value's place; undefined: the member goes. */
  hide(text: string): string | undefined;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * The JSON text of a value without the members that are to be hidden, wherever the text is: a name that is
 * there twice is found twice. What is not hidden keeps its very characters, numbers of any length included.
 * Nothing is parsed, which would take several times as long; and nothing recurses, for the text may be nested
 * as deeply as it likes.
 *
 * @param text valid JSON
 */
export function redactMembers(text: string, root: PathNode, { names, hide }: Walk): string {
  const pieces: string[] = [];
  let done = 0;
  /** Of the objects and lists round the present one; false: a list. */
  const outer: (PathNode | undefined | false)[] = [];
  let here: PathNode | undefined | false = false;
  let next: PathNode | undefined = root;
  let expectsName = false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      const start = at;
      at = endOfString(text, at) - 1;
      if (!expectsName || here === false) continue;
      expectsName = false;
      const name = nameOf(text.slice(start, at + 1));
      at = text.indexOf(':', at);
      next = here?.members?.get(name);
      const isHidden = next?.hides === true || names.has(name);
      if (!isHidden && next?.redact === undefined) continue;
      const valueStart = skipSpace(text, at + 1);
      const end = endOfValue(text, valueStart);
      const value = text.slice(valueStart, end);
      const left = isHidden ? hide(value) : next!.redact!(value);
      at = end - 1;
      if (left !== undefined) {
        pieces.push(text.slice(done, valueStart), left);
        done = end;
        continue;
      }
      pieces.push(text.slice(done, start));
      done = skipSpace(text, end);
      // With one comma: that after it or, where it is the last, that before it.
      if (text.charCodeAt(done) === COMMA) {
        at = done;
        done += 1;
        expectsName = true;
      } else dropComma(pieces);
    } else if (unit === OPEN_OBJECT || unit === OPEN_LIST) {
      if (names.isEmpty && (unit === OPEN_LIST || next?.members === undefined)) {
        at = endOfValue(text, at) - 1; // nothing of interest is in there
        continue;
      }
      outer.push(here);
      expectsName = unit === OPEN_OBJECT;
      here = expectsName && next;
      next = undefined;
    } else if (unit === CLOSE_OBJECT || unit === CLOSE_LIST) {
      here = outer.pop() ?? undefined;
      expectsName = false;
    } else if (unit === COMMA) {
      expectsName = here !== false;
      next = undefined;
    }
  }
  return pieces.length === 0 ? text : pieces.join('') + text.slice(done);
}

function nameOf(quoted: string): string {
  return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}

/** Takes away the comma at the end of what the pieces say, if one is there. */
function dropComma(pieces: string[]): void {
  while (pieces.length > 0) {
    const piece = pieces.at(-1)!;
    let last = piece.length - 1;
    while (last >= 0 && isSpace(piece.charCodeAt(last))) last -= 1;
    if (last >= 0) {
      if (piece.charCodeAt(last) === COMMA) pieces[pieces.length - 1] = piece.slice(0, last);
      return;
    }
    pieces.pop(); // nothing but space
  }
}

function isSpace(unit: number): boolean {
  return unit === SPACE || unit === LF || unit === CR || unit === TAB;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = endOfString(text, at) - 1;
      if (depth === 0) return at + 1;
    } else if (unit === OPEN_OBJECT || unit === OPEN_LIST) depth += 1;
    else if (unit === CLOSE_OBJECT || unit === CLOSE_LIST) {
      if (depth === 0) return at; // of what is round a number or a word
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (unit === COMMA || isSpace(unit))) return at;
  }
  return text.length;
}

/** After the first quote with no odd row of `\` before it. */
function endOfString(text: string, start: number): number {
  let quote = start;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    if (quote < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
  }
}
