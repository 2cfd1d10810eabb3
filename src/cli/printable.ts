/**
 * Controls (C0 and C1), which drive a terminal; separators of lines; marks that turn the direction of a text;
 * what takes no room and so hides in a text (UTS #39, Default_Ignorable_Code_Point), but for the mark that
 * makes a character an emoji; halves of characters.
 */
const UNSAFE = /(?!\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

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
