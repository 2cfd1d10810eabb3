// How Go writes a string for somebody: strconv.Quote, and the escapers of text/template.

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

export function isPrintable(character: string): boolean {
  return PRINTABLE.test(character);
}

const SIMPLE: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** A Go literal in these quotes; with `ascii` no character beyond it is left as it is. */
export function quoteGo(text: string, quote: '"' | "'", ascii: boolean): string {
  let quoted = quote;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (character === quote) quoted += `\\${quote}`;
    else if (SIMPLE[character] !== undefined) quoted += SIMPLE[character];
    else if (ascii ? code >= 0x20 && code < 0x7f : isPrintable(character)) quoted += character;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${hex(code, 2)}`;
    else if (code < 0x10000) quoted += `\\u${hex(code, 4)}`;
    else quoted += `\\U${hex(code, 8)}`;
  }
  return quoted + quote;
}

/** Whether it can stand unchanged between backquotes. */
export function canBackquote(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return !/[\u0000-\u0008\u000a-\u001f\u007f`\ufeff]/.test(text);
}

function hex(code: number, length: number): string {
  return code.toString(16).padStart(length, '0');
}

const HTML: Readonly<Record<string, string>> = {
  '\u0000': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

export function escapeHtml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Go replaces NUL
  return text.replace(/[\u0000"'&<>]/g, (character) => HTML[character]!);
}

/** As in a string of JavaScript. */
export function escapeJavaScript(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
  return text.replace(/[\u0000-\u001f\\'"<>&=]|[^\u0000-\u007f]/gu, (character) => {
    if (character === '\\' || character === "'" || character === '"') return `\\${character}`;
    const code = character.codePointAt(0)!;
    if (code >= 0x80 && isPrintable(character)) return character;
    return `\\u${hex(code, 4).toUpperCase()}`;
  });
}

/** As a value in the query of a URL. */
export function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (character) => `%${hex(character.charCodeAt(0), 2).toUpperCase()}`)
    .replaceAll('%20', '+');
}
