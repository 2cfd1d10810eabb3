import { printable } from './printable.js';
import type { Colour, Terminal } from './terminal.js';
import { fold } from './width.js';

/** Further than anything of ours begins. */
const SET_OFF = ' '.repeat(12);

/**
 * Prints a value of others behind a text of ours. In a terminal a long one goes on in lines that are set off,
 * so that none of them looks like another line of ours.
 */
export function printFolded(
  lead: string,
  value: string,
  { out, paint, isInteractive, width }: Terminal,
  colours: { readonly lead?: Colour | undefined; readonly value?: Colour | undefined } = {},
): void {
  const painted = (text: string, colour?: Colour) =>
    colour === undefined ? text : paint(colour, text);
  const safe = printable(value);
  const parts = isInteractive ? fold(safe, width - Math.max(lead.length, SET_OFF.length)) : [safe];
  for (const [index, part] of parts.entries()) {
    const before = index === 0 ? painted(lead, colours.lead) : SET_OFF;
    out(before + painted(part, colours.value));
  }
}
