// A picture of what a terminal shows, as SVG: text that stays text, in the colours of the escape sequences.

const CHARACTER = { width: 8.4, height: 19 };
const PADDING = 16;
const COLOURS: Readonly<Record<string, string>> = {
  '1': 'font-weight="bold"',
  '2': 'fill="#8b949e"',
  '31': 'fill="#ff7b72"',
  '32': 'fill="#7ee787"',
  '33': 'fill="#e3b341"',
  '36': 'fill="#79c0ff"',
};
const ENDS = ['22', '39'];

/**
 * @param title for those who cannot see it
 * @param lines with escape sequences for colours
 * @param columns of the window
 */
export function terminalPicture(title: string, lines: readonly string[], columns: number): string {
  const width = Math.ceil(columns * CHARACTER.width + 2 * PADDING);
  const height = lines.length * CHARACTER.height + 2 * PADDING;
  const rows = lines.map((line, row) => {
    const y = PADDING + (row + 0.75) * CHARACTER.height;
    return `<text x="${PADDING}" y="${y}">${spansOf(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3" xml:space="preserve" style="white-space: pre">
${rows.join('\n')}
</g>
</svg>
`;
}

function spansOf(line: string): string {
  let colour: string | undefined;
  let spans = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what the terminal would take
  for (const part of line.split(/(\u001b\[\d+m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the same
    const code = /^\u001b\[(\d+)m$/.exec(part)?.[1];
    if (code !== undefined) colour = ENDS.includes(code) ? undefined : COLOURS[code];
    else if (part !== '') {
      const text = escaped(part);
      spans += colour === undefined ? text : `<tspan ${colour}>${text}</tspan>`;
    }
  }
  return spans;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
