// C0 and C1, which drive a terminal; separators of lines; marks that turn the direction of a text.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is made harmless here
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]/gu;

/** A value as it may be shown: nothing in it can forge a line, hide, or drive the terminal. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** At most so many characters. */
export function shorten(text: string, length: number): string {
  const characters = [...text.slice(0, length * 2 + 2)];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}
