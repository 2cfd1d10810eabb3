import fs from 'node:fs';
import { join } from 'node:path';
import { readCursorsSync } from '../../ledger/cursor.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { countDeadLetters } from '../dead-letters.js';
import { type LedgerFolder, ledgersIn } from '../ledgers.js';
import { newestOf } from '../newest.js';
import { momentOf, type Parsed } from '../options.js';
import { directoryOf } from '../positionals.js';
import { printable } from '../printable.js';
import { Progress } from '../progress.js';
import { scanLedger, segmentsFor } from '../scan.js';
import { actorOf, pairOf, type StoredRecord } from '../stored-record.js';
import { bytesText, type Cell, countText, formatTable, statusColour } from '../table.js';
import { Tally } from '../tally.js';
import type { Terminal } from '../terminal.js';

export const stats: Command = {
  name: 'stats',
  summary: 'counts records by pair, actor, outcome and day; shows lanes, dead letters and disk',
  synopsis: 'stats DIR [--since TIME] [--until TIME]',
  help: `  --since TIME        recorded from then on: RFC 3339, a date, or 90m, 24h, 7d ago
  --until TIME        recorded before then`,
  options: { since: { type: 'string' }, until: { type: 'string' } },
  run: runStats,
};

async function runStats(parsed: Parsed, { terminal, now }: CommandContext): Promise<number> {
  const { values } = parsed;
  const ledgers = ledgersIn(directoryOf(parsed, stats.synopsis));
  const query = {
    since: momentOf(values, 'since', now()),
    until: momentOf(values, 'until', now()),
  };
  const tallies = new Tallies();
  const progress = new Progress(terminal, 'counting');
  const total = ledgers
    .flatMap((ledger) => segmentsFor(ledger, query))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  let read = 0;
  const lanes: Lane[] = [];
  for (const ledger of ledgers) {
    await scanLedger(ledger, query, {
      onRead: (bytes) => {
        read += bytes;
        progress.at(read, total);
      },
      onRecord: ({ record }) => {
        tallies.add(record);
        return true;
      },
    });
    lanes.push(...lanesOf(ledger, newestOf(ledger, {}, 0).record?.seq ?? 0));
  }
  progress.end();
  const disk = ledgers.reduce((sum, { directory }) => sum + bytesIn(directory), 0);
  if (values.json === true) {
    terminal.out(JSON.stringify({ ...tallies.toJson(), lanes, diskBytes: disk }));
  } else {
    printStats(tallies, lanes, disk, terminal);
  }
  return EXIT.fine;
}

class Tallies {
  records = 0;
  first = '';
  last = '';
  readonly pairs = new Tally();
  readonly actors = new Tally();
  readonly statuses = new Tally();
  readonly days = new Tally();

  add(record: StoredRecord): void {
    this.records += 1;
    const { at, event } = record;
    if (this.first === '' || at < this.first) this.first = at;
    if (at > this.last) this.last = at;
    this.pairs.add(pairOf(record));
    this.actors.add(actorOf(record));
    this.statuses.add(event?.status ?? '');
    this.days.add(at.slice(0, 10));
  }

  toJson() {
    return {
      records: this.records,
      first: this.first,
      last: this.last,
      pairs: this.pairs.toJson(),
      actors: this.actors.toJson(),
      statuses: this.statuses.toJson(),
      days: this.days.toJson(),
    };
  }
}

/** How far a sink is. */
interface Lane {
  readonly sink: string;
  readonly slot: string | undefined;
  readonly acknowledged: number;
  /** Records behind the cursor, those set aside included. */
  readonly backlog: number;
  readonly setAside: number;
  readonly deadLetters: number;
}

function lanesOf({ directory, slot }: LedgerFolder, newest: number): Lane[] {
  return [...readCursorsSync(directory)].map(([sink, { acknowledged, waiting }]) => ({
    sink,
    slot,
    acknowledged,
    backlog: Math.max(0, newest - acknowledged) + waiting.length,
    setAside: waiting.length,
    deadLetters: countDeadLetters(directory, sink),
  }));
}

function bytesIn(directory: string): number {
  let sum = 0;
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    try {
      sum += fs.statSync(join(entry.parentPath, entry.name)).size;
    } catch {
      // A writer has replaced it meanwhile.
    }
  }
  return sum;
}

const TOP = 10;

function printStats(
  { records, first, last, pairs, actors, statuses, days }: Tallies,
  lanes: readonly Lane[],
  disk: number,
  terminal: Terminal,
): void {
  const { paint } = terminal;
  const title = (text: string) => {
    terminal.out('');
    terminal.out(paint('bold', text));
  };
  const table = (rows: Cell[][]) => {
    for (const line of formatTable(rows, paint)) terminal.out(`  ${line}`);
  };
  const list = (name: string, tally: Tally, none: string) => {
    if (tally.size === 0) return;
    title(name);
    const top = tally.top(TOP);
    const most = top[0]?.count ?? 1;
    table(
      top.map(({ key, count }) => [
        { text: countText(count).padStart(9) },
        { text: '▇'.repeat(Math.max(1, Math.round((count / most) * 20))), colour: 'dim' as const },
        { text: key === '' ? none : key, colour: statusColour(key) ?? 'cyan' },
      ]),
    );
    if (tally.size > TOP) terminal.out(paint('dim', `  and ${countText(tally.size - TOP)} more`));
  };
  terminal.out(`${paint('bold', countText(records))} record(s), ${bytesText(disk)} on disk`);
  if (records > 0) terminal.out(paint('dim', `recorded ${printable(first)} to ${printable(last)}`));
  list('Pairs', pairs, '');
  list('Actors', actors, '(unknown)');
  list('Outcomes', statuses, '(none)');
  if (days.size > 1) list('Days', days, '');
  if (lanes.length === 0) return;
  title('Lanes');
  table([
    ['sink', 'has all up to', 'backlog', 'set aside', 'dead letters'].map((text) => ({
      text,
      colour: 'dim' as const,
    })),
    ...lanes.map(({ sink, slot, acknowledged, backlog, setAside, deadLetters }): Cell[] => [
      { text: slot === undefined ? sink : `${slot}/${sink}` },
      { text: countText(acknowledged) },
      { text: countText(backlog), ...(backlog > 0 ? { colour: 'yellow' as const } : {}) },
      { text: countText(setAside), ...(setAside > 0 ? { colour: 'yellow' as const } : {}) },
      { text: countText(deadLetters), ...(deadLetters > 0 ? { colour: 'red' as const } : {}) },
    ]),
  ]);
}
