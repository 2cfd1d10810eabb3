/** What is nested more deeply stays on its line: whoever nests a million lists must not print as many lines. */
const MAX_DEPTH = 32;

/**
 * A JSON text over several lines, its members set in by two spaces. The texts of its values stay as they
 * are: a parser would round a large number.
 */
export function indentJson(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  let depth = 0;
  const breakLine = (at: number) => {
    if (at > MAX_DEPTH) return;
    lines.push(line);
    line = '  '.repeat(depth);
  };
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{}' || token === '[]') line += token;
    else if (token === '{' || token === '[') {
      line += token;
      depth += 1;
      breakLine(depth);
    } else if (token === '}' || token === ']') {
      depth = Math.max(0, depth - 1);
      breakLine(depth + 1);
      line += token;
    } else if (token === ',') {
      line += token;
      breakLine(depth);
    } else line += token === ':' ? ': ' : token;
  }
  lines.push(line);
  return lines;
}

/** Blanks between tokens fall away. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|\{\}|\[\]|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The JSON of a parsed value; undefined where it is nested more deeply than can be printed. */
export function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** The text of a record's `event`, or of what is in its place, in its line. */
export function contentText(line: string, member: 'event' | 'malformed'): string {
  // Within a string its quotes would be escaped, so this is the member itself.
  const head = `,"${member}":`;
  return line.slice(line.indexOf(head) + head.length, -1);
}
