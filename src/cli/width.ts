// As terminals do it: East Asian wide and fullwidth (UAX #11) and emoji take two columns.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const EMPTY = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const PLAIN = /^[\u0020-\u007e]*$/;

/** Columns that a printable text takes in a terminal. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  return WIDE.test(character) ? 2 : EMPTY.test(character) ? 0 : 1;
}

/** At most so many columns of a printable text, with an ellipsis where something was left out. */
export function shorten(text: string, columns: number): string {
  if (text.length <= columns && PLAIN.test(text)) return text;
  const whole = beginningOf(text, columns);
  return whole.length === text.length ? text : `${beginningOf(text, columns - 1)}…`;
}

/** As much of a text as so many columns hold. */
function beginningOf(text: string, columns: number): string {
  let end = 0;
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
    // Marks take no columns, and may be many.
    if (width > columns || end > columns * MOST_UNITS) break;
    end += character.length;
  }
  return text.slice(0, end);
}

const MOST_UNITS = 16;

/** Exactly so many columns. */
export function padTo(text: string, columns: number): string {
  const shown = shorten(text, columns);
  return shown + ' '.repeat(Math.max(0, columns - widthOf(shown)));
}

/** Cuts a printable text into parts of at most so many columns; at least one part. */
export function fold(text: string, columns: number): string[] {
  const most = Math.max(2, columns);
  if (text.length <= most && PLAIN.test(text)) return [text];
  const parts: string[] = [];
  let part = '';
  let width = 0;
  for (const character of text) {
    const own = characterWidth(character);
    if (width + own > most) {
      parts.push(part);
      part = '';
      width = 0;
    }
    part += character;
    width += own;
  }
  parts.push(part);
  return parts;
}
