/**
 * A JSON text over several lines, its members set in by two spaces. The texts of its values stay as they
 * are: a parser would round a large number.
 */
export function indentJson(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  let depth = 0;
  const breakLine = () => {
    lines.push(line);
    line = '  '.repeat(depth);
  };
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{}' || token === '[]') line += token;
    else if (token === '{' || token === '[') {
      line += token;
      depth += 1;
      breakLine();
    } else if (token === '}' || token === ']') {
      depth = Math.max(0, depth - 1);
      breakLine();
      line += token;
    } else if (token === ',') {
      line += token;
      breakLine();
    } else line += token === ':' ? ': ' : token;
  }
  lines.push(line);
  return lines;
}

/** Blanks between tokens fall away. */
const TOKEN = /"(?:[^"\\]|\\.)*"|\{\}|\[\]|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The text of a record's `event`, or of what is in its place, in its line. */
export function contentText(line: string, member: 'event' | 'malformed'): string {
  // Within a string its quotes would be escaped, so this is the member itself.
  const head = `,"${member}":`;
  return line.slice(line.indexOf(head) + head.length, -1);
}
