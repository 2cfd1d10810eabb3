import { jsonOf } from './json-text.js';
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
const WIDE = { seq: 8, time: 20, pair: 22, status: 8, actor: 24 };
/** The same for windows in which little would be left for the payload. */
const NARROW = { seq: 7, time: 20, pair: 18, status: 7, actor: 17 };
const NARROW_WINDOW = 110;
const MAX_PAYLOAD_COLUMNS = 1000;

/** A record in one line: number, time, pair, status, actor, and what fits of the payload. */
export function recordLine(
  { record, slot }: { readonly record: StoredRecord; readonly slot: string | undefined },
  { paint, width, isInteractive }: Terminal,
): string {
  const { event, malformed } = record;
  const status = event?.status ?? '';
  const widths = isInteractive && width < NARROW_WINDOW ? NARROW : WIDE;
  const cells: [string, number, Colour | undefined][] = [
    [(slot === undefined ? '' : `${slot}/`) + record.seq, widths.seq, 'dim'],
    [timeText(timeOf(record)), widths.time, 'dim'],
    [pairOf(record), widths.pair, event === undefined ? 'red' : 'cyan'],
    [status, widths.status, statusColour(status)],
    [actorOf(record), widths.actor, undefined],
  ];
  let room = isInteractive ? width : Number.POSITIVE_INFINITY;
  let line = '';
  for (const [text, columns, colour] of cells) {
    const size = Math.min(columns, room);
    if (size < 1) return line.trimEnd();
    const shown = padTo(printable(text), size);
    line += `${colour === undefined ? shown : paint(colour, shown)}  `;
    room -= size + 2;
  }
  const rest = malformed === undefined ? payloadText(event?.payload) : malformed.reason;
  if (room > 3) line += shorten(printable(rest), Math.min(room, MAX_PAYLOAD_COLUMNS));
  return line.trimEnd();
}

/** To the second and in UTC, as far as it is a time. */
function timeText(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? text : `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function payloadText(payload: unknown): string {
  if (payload === null || payload === undefined) return '';
  return jsonOf(payload) ?? '(nested too deeply for a line: otel-audit show has it)';
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
