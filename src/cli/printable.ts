// C0 and C1, which drive a terminal; separators of lines; marks that turn the direction of a text; what
// takes no room and so hides in a text (UTR #36), tags included.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is made harmless here
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\u{e0000}-\u{e0fff}]|\u034f|\u17b4|\u17b5|[\ufe00-\ufe0e]/gu;

/**
 * A value as it may be shown: nothing in it can forge a line, hide, or drive the terminal. What could is
 * shown as JSON spells it.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
