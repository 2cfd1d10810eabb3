import { type Command, type CommandContext, EXIT } from '../command.js';
import { ledgersIn } from '../ledgers.js';
import { countOf, type Parsed } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { printable } from '../printable.js';
import { Progress } from '../progress.js';
import { FILTER_HELP, FILTER_OPTIONS, readFilter } from '../record-filter.js';
import { scanLedger, segmentsFor } from '../scan.js';
import { countText, recordLine } from '../table.js';

export const search: Command = {
  name: 'search',
  summary: 'finds records by who, what, when and with what outcome',
  synopsis: 'search DIR [PAIR…] [options]',
  help: `  PAIR                type:action with * for any, as in 'flag:*'
${FILTER_HELP}
  --limit N           stop after so many

Prints a line a record; with --json the exact lines of the ledger.`,
  options: { ...FILTER_OPTIONS, limit: { type: 'string' } },
  run: runSearch,
};

async function runSearch(parsed: Parsed, { terminal, now }: CommandContext): Promise<number> {
  const [directory, ...pairs] = argumentsOf(parsed, search.synopsis, 1, Number.POSITIVE_INFINITY);
  const { values } = parsed;
  const filter = readFilter(values, pairs, now());
  const limit = countOf(values, 'limit', 1) ?? Number.POSITIVE_INFINITY;
  const ledgers = ledgersIn(directory!);
  const total = ledgers
    .flatMap((ledger) => segmentsFor(ledger, filter.query))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const progress = new Progress(terminal, 'searching');
  let read = 0;
  let found = 0;
  const unreadable = new Set<string>();
  for (const ledger of ledgers) {
    if (found >= limit || terminal.isClosed) break;
    await scanLedger(ledger, filter.query, {
      onRead: (bytes) => {
        read += bytes;
        progress.at(read, total);
      },
      onUnreadable: (file) => unreadable.add(file),
      onRecord: async ({ record, line }) => {
        if (!filter.accepts(record)) return true;
        found += 1;
        terminal.out(
          values.json === true ? line : recordLine({ record, slot: ledger.slot }, terminal),
        );
        await terminal.drained();
        return found < limit && !terminal.isClosed;
      },
    });
  }
  progress.end();
  for (const file of unreadable) {
    terminal.note(`${printable(file)} has lines that are no records: run otel-audit verify`);
  }
  if (found === 0 && values.json !== true) terminal.note('no record fits');
  else if (terminal.isInteractive && values.json !== true) {
    terminal.note(`${countText(found)} record(s)`);
  }
  return EXIT.fine;
}
