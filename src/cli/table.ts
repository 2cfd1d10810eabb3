import { printable } from './printable.js';
import { actorOf, pairOf, type StoredRecord, timeOf } from './stored-record.js';
import type { Colour, Paint, Terminal } from './terminal.js';
import { padTo, shorten, widthOf } from './width.js';

/** A cell; control characters in it are made harmless. */
export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

/** Lines of cells, each column as wide as its widest. */
export function formatTable(rows: readonly (readonly Cell[])[], paint: Paint): string[] {
  const safe = rows.map((row) =>
    row.map(({ text, colour }) => ({ text: printable(text), colour })),
  );
  const widths: number[] = [];
  for (const row of safe) {
    for (const [column, { text }] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(text));
    }
  }
  return safe.map((row) =>
    row
      .map(({ text, colour }, column) => {
        const isLast = column === row.length - 1;
        const fill = isLast ? '' : ' '.repeat(widths[column]! - widthOf(text));
        return (colour === undefined ? text : paint(colour, text)) + fill;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Columns of a list of records that comes bit by bit, so their widths are fixed. */
const WIDTHS = { seq: 8, time: 24, pair: 22, status: 8, actor: 24 };

/** A record in one line: number, time, pair, status, actor, and what fits of the payload. */
export function recordLine(
  { record, slot }: { readonly record: StoredRecord; readonly slot: string | undefined },
  terminal: Terminal,
): string {
  const { paint, width } = terminal;
  const { event, malformed } = record;
  const status = event?.status ?? '';
  const cells: [string, number, Colour | undefined][] = [
    [(slot === undefined ? '' : `${slot}/`) + record.seq, WIDTHS.seq, 'dim'],
    [timeOf(record), WIDTHS.time, 'dim'],
    [pairOf(record), WIDTHS.pair, event === undefined ? 'red' : 'cyan'],
    [status, WIDTHS.status, statusColour(status)],
    [actorOf(record), WIDTHS.actor, undefined],
  ];
  let used = 0;
  const line = cells
    .map(([text, size, colour]) => {
      const shown = padTo(printable(text), size);
      used += size + 2;
      return colour === undefined ? shown : paint(colour, shown);
    })
    .join('  ');
  const rest = malformed === undefined ? payloadText(event?.payload) : malformed.reason;
  const room = terminal.isInteractive ? width - used : Number.POSITIVE_INFINITY;
  const shown = room > 3 ? shorten(printable(rest), Math.min(room, 1000)) : '';
  return `${line}  ${shown}`.trimEnd();
}

function payloadText(payload: unknown): string {
  return payload === null || payload === undefined ? '' : JSON.stringify(payload);
}

export function statusColour(status: string): Colour | undefined {
  if (status === 'success') return 'green';
  return status === 'denied' || status === 'failed' ? 'red' : status === '' ? undefined : 'yellow';
}

/** A number as people read it: `1,234,567`. */
export function countText(count: number): string {
  return count.toLocaleString('en');
}

export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}
