import { type Command, type CommandContext, EXIT } from '../command.js';
import { Follower } from '../follower.js';
import { ledgersIn } from '../ledgers.js';
import { newestOf } from '../newest.js';
import { countOf, type Parsed } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { FILTER_HELP, FILTER_OPTIONS, readFilter } from '../record-filter.js';
import type { Placed } from '../scan.js';
import { recordLine } from '../table.js';

/** As `tail` has it. */
const LINES = 10;

export const tail: Command = {
  name: 'tail',
  summary: 'shows the newest records, and with -f what comes',
  synopsis: 'tail DIR [-f] [-n N] [PAIR…] [options]',
  help: `  -f, --follow        go on with what is recorded from now on, until Ctrl-C
  -n, --lines N       so many of the newest; default ${LINES}
  PAIR                type:action with * for any, as in 'flag:*'
${FILTER_HELP}

Follows a ledger across its segments, restarts of its writer and new slots.`,
  example: "tail audit -f 'flag:*' 'payment:refunded'",
  options: {
    ...FILTER_OPTIONS,
    follow: { type: 'boolean', short: 'f' },
    lines: { type: 'string', short: 'n' },
  },
  run: runTail,
};

async function runTail(parsed: Parsed, context: CommandContext): Promise<number> {
  const { terminal } = context;
  const [directory, ...pairs] = argumentsOf(parsed, tail.synopsis, 1, Number.POSITIVE_INFINITY);
  const { values } = parsed;
  const filter = readFilter(values, pairs, context.now());
  const count = countOf(values, 'lines', 0) ?? LINES;
  const print = ({ ledger, record, line }: Placed) => {
    if (values.json === true) terminal.verbatim(line);
    else terminal.out(recordLine({ record, slot: ledger.slot }, terminal));
  };
  // From here on, for somebody may end it before the first record was shown.
  const signal = values.follow === true ? context.interruption() : undefined;
  const follower = new Follower(directory!, filter.query);
  const placed = ledgersIn(directory!).flatMap((ledger) => {
    const newest = newestOf(ledger, filter.query, count, filter.accepts);
    follower.startAfter(ledger, newest);
    return newest.placed;
  });
  placed.sort((a, b) => (a.record.at < b.record.at ? -1 : a.record.at > b.record.at ? 1 : 0));
  for (const one of placed.slice(Math.max(0, placed.length - count))) {
    print(one);
    await terminal.drained();
  }
  if (signal === undefined) return EXIT.fine;
  await follower.run(signal, async (one) => {
    if (filter.accepts(one.record)) print(one);
    await terminal.drained();
    return !terminal.isClosed;
  });
  return EXIT.fine;
}
