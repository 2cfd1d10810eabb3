import fs from 'node:fs';
import { join } from 'node:path';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { type LaneStatus, lanesOf } from '../lanes.js';
import { ledgersIn } from '../ledgers.js';
import { momentOf, type Parsed } from '../options.js';
import { directoryOf } from '../positionals.js';
import { printable } from '../printable.js';
import { scanAll } from '../scan-all.js';
import { Statistics, timelineOf } from '../statistics.js';
import { bytesText, type Cell, countText, formatTable, statusColour } from '../table.js';
import type { Tally } from '../tally.js';
import type { Terminal } from '../terminal.js';
import { sparkline } from '../timeline.js';
import { shorten } from '../width.js';

export const stats: Command = {
  name: 'stats',
  summary:
    'counts records by pair, actor and outcome over time; shows lanes, dead letters and disk',
  synopsis: 'stats DIR [--since TIME] [--until TIME]',
  help: `  --since TIME        recorded from then on: RFC 3339, a date, or 90m, 24h, 7d ago
  --until TIME        recorded before then

A backlog is what a sink has not got yet; set aside is what fails alone and is tried again in between.`,
  example: 'stats audit --since 24h',
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
  const statistics = new Statistics(timelineOf(ledgers, query, now()));
  await scanAll(ledgers, query, 'counting', terminal, ({ record }) => {
    statistics.add(record);
    return true;
  });
  const lanes = (await Promise.all(ledgers.map(lanesOf))).flat();
  const diskBytes = ledgers.reduce((sum, { directory }) => sum + bytesIn(directory), 0);
  if (values.json === true) {
    terminal.verbatim(JSON.stringify({ ...statistics.toJson(), lanes, diskBytes }));
  } else {
    printStatistics(statistics, diskBytes, terminal);
    printLanes(lanes, terminal);
  }
  return EXIT.fine;
}

function bytesIn(directory: string): number {
  let sum = 0;
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // A writer may have replaced it meanwhile.
    sum += fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}

const TOP = 10;
const KEY_COLUMNS = 40;
/** Outcomes that have a column of their own. */
const OUTCOMES = 3;
const OUTCOME_COLUMNS = 12;

function printStatistics(statistics: Statistics, diskBytes: number, terminal: Terminal): void {
  const { records, malformed, first, last, timeline } = statistics;
  const { paint } = terminal;
  terminal.out(
    `${paint('bold', countText(records))} record(s), ${bytesText(diskBytes)} on disk${malformed > 0 ? paint('red', `, ${countText(malformed)} malformed`) : ''}`,
  );
  if (records === 0) return;
  terminal.out(paint('dim', `recorded ${printable(first)} to ${printable(last)}`));
  printTally('Pairs', statistics.pairs, '', terminal);
  printTally('Actors', statistics.actors, '(unknown)', terminal);
  printTally('Outcomes', statistics.statuses, '(none)', terminal);
  if (timeline.steps > 1) printTimeline(statistics, terminal);
}

function printTally(name: string, tally: Tally, none: string, terminal: Terminal): void {
  if (tally.size === 0) return;
  printTitle(name, terminal);
  const rows = tally.top(TOP).map(({ key, count, over }): Cell[] => [
    { text: countText(count).padStart(9) },
    {
      text: shorten(printable(key === '' ? none : key), KEY_COLUMNS),
      colour: statusColour(key) ?? 'cyan',
    },
    { text: over.length > 1 ? sparkline(over) : '', colour: 'dim' },
  ]);
  printTable(rows, terminal);
  const more = tally.size - TOP;
  if (more > 0) terminal.out(terminal.paint('dim', `  and ${countText(more)} more: see --json`));
}

function printTimeline({ timeline, total, statuses }: Statistics, terminal: Terminal): void {
  printTitle(`Over time, by ${timeline.stepName} (UTC)`, terminal);
  const outcomes = statuses
    .top(OUTCOMES)
    .map((one) => ({ ...one, name: shorten(printable(one.key || '(none)'), OUTCOME_COLUMNS) }));
  const head: Cell[] = [
    { text: '' },
    { text: 'records'.padStart(9), colour: 'dim' },
    ...outcomes.map(({ name }): Cell => ({ text: name.padStart(7), colour: 'dim' })),
  ];
  const rows = total.map((count, step): Cell[] => [
    { text: timeline.nameOf(step), colour: 'dim' },
    { text: countText(count).padStart(9) },
    ...outcomes.map(({ key, name, over }): Cell => {
      const text = countText(over[step]!).padStart(Math.max(7, name.length));
      return { text, ...coloured(over[step] === 0 ? 'dim' : statusColour(key)) };
    }),
  ]);
  printTable([head, ...rows], terminal);
}

function printLanes(lanes: readonly LaneStatus[], terminal: Terminal): void {
  if (lanes.length === 0) return;
  printTitle('Sinks', terminal);
  const head = ['', 'has all up to', 'backlog', 'set aside', 'dead letters'];
  const rows = lanes.map(({ sink, slot, acknowledged, backlog, setAside, deadLetters }): Cell[] => [
    { text: slot === undefined ? sink : `${slot}/${sink}` },
    { text: acknowledged === undefined ? '–' : countText(acknowledged) },
    { text: countText(backlog), ...coloured(backlog > 0 ? 'yellow' : undefined) },
    { text: countText(setAside), ...coloured(setAside > 0 ? 'yellow' : undefined) },
    { text: countText(deadLetters), ...coloured(deadLetters > 0 ? 'red' : undefined) },
  ]);
  printTable([head.map((text): Cell => ({ text, colour: 'dim' })), ...rows], terminal);
}

function coloured(colour: Cell['colour']): { readonly colour?: NonNullable<Cell['colour']> } {
  return colour === undefined ? {} : { colour };
}

function printTitle(text: string, terminal: Terminal): void {
  terminal.out('');
  terminal.out(terminal.paint('bold', text));
}

function printTable(rows: readonly (readonly Cell[])[], terminal: Terminal): void {
  for (const line of formatTable(rows, terminal.paint)) terminal.out(`  ${line}`);
}
