import { type Command, type CommandContext, EXIT } from '../command.js';
import { Follower } from '../follower.js';
import { type LedgerFolder, ledgersIn } from '../ledgers.js';
import { countOf, type Parsed } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { FILTER_HELP, FILTER_OPTIONS, type RecordFilter, readFilter } from '../record-filter.js';
import { type Placed, scanLedger, segmentsFor } from '../scan.js';
import { recordLine } from '../table.js';

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
  options: {
    ...FILTER_OPTIONS,
    follow: { type: 'boolean', short: 'f' },
    lines: { type: 'string', short: 'n' },
  },
  run: runTail,
};

async function runTail(parsed: Parsed, context: CommandContext): Promise<number> {
  const { terminal, signal } = context;
  const [directory, ...pairs] = argumentsOf(parsed, tail.synopsis, 1, Number.POSITIVE_INFINITY);
  const { values } = parsed;
  const filter = readFilter(values, pairs, context.now());
  const count = countOf(values, 'lines', 0) ?? LINES;
  const print = ({ ledger, record, line }: Placed) =>
    terminal.out(values.json === true ? line : recordLine({ record, slot: ledger.slot }, terminal));
  const follower = values.follow === true ? new Follower(directory!, filter.query) : undefined;
  const newest: Placed[] = [];
  for (const ledger of ledgersIn(directory!)) {
    const { placed, end } = await newestOf(ledger, filter, count);
    newest.push(...placed);
    follower?.startAfter(ledger, end);
  }
  newest.sort((a, b) => (a.record.at < b.record.at ? -1 : a.record.at > b.record.at ? 1 : 0));
  for (const placed of newest.slice(Math.max(0, newest.length - count))) print(placed);
  await terminal.drained();
  if (follower === undefined) return EXIT.fine;
  await follower.run(signal, async (placed) => {
    if (!filter.accepts(placed.record)) return !terminal.isClosed;
    print(placed);
    await terminal.drained();
    return !terminal.isClosed;
  });
  return EXIT.fine;
}

/** The last records that fit, and the newest record's number; from the newest segment backwards. */
async function newestOf(
  ledger: LedgerFolder,
  filter: RecordFilter,
  count: number,
): Promise<{ placed: Placed[]; end: number }> {
  const segments = segmentsFor(ledger, filter.query);
  let placed: Placed[] = [];
  let end = 0;
  for (let index = segments.length - 1; index >= 0; index -= 1) {
    const { first, end: next } = segments[index]!;
    const found: Placed[] = [];
    await scanLedger(
      ledger,
      {
        ...filter.query,
        needles: [],
        from: first,
        to: Math.min(next - 1, Number.MAX_SAFE_INTEGER),
      },
      {
        onRecord: (one) => {
          end = Math.max(end, one.record.seq);
          if (!filter.accepts(one.record)) return true;
          found.push(one);
          if (found.length > count) found.shift();
          return true;
        },
      },
    );
    placed = [...found, ...placed];
    if (placed.length >= count && end > 0) break;
  }
  return { placed: placed.slice(Math.max(0, placed.length - count)), end };
}
