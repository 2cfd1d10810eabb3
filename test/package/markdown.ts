/** A fenced block of code. */
export interface CodeBlock {
  /** Where its first line of code stands, from 1. */
  readonly line: number;
  readonly text: string;
}

/** The fenced blocks of one language, in order. */
export function codeBlocks(markdown: string, language: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [index, text] of markdown.split('\n').entries()) {
    const fence = /^```(\S*)/.exec(text);
    if (fence === null) open?.lines.push(text);
    else if (open === undefined) open = { language: fence[1]!, line: index + 2, lines: [] };
    else {
      if (open.language === language) {
        blocks.push({ line: open.line, text: `${open.lines.join('\n')}\n` });
      }
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`the block at line ${open.line - 1} is not closed`);
  return blocks;
}
