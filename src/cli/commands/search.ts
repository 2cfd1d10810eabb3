import { type Command, type CommandContext, EXIT } from '../command.js';
import { ledgersIn } from '../ledgers.js';
import { countOf, type Parsed } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { FILTER_HELP, FILTER_OPTIONS, readFilter } from '../record-filter.js';
import { scanAll } from '../scan-all.js';
import { countText, recordLine } from '../table.js';

export const search: Command = {
  name: 'search',
  summary: 'finds records by who, what, when and with what outcome',
  synopsis: 'search DIR [PAIR…] [options]',
  help: `  PAIR                type:action with * for any, as in 'flag:*'
${FILTER_HELP}
  --limit N           stop after so many

Prints a line a record; with --json the exact lines of the ledger. Slots come one after the other.`,
  example: "search audit 'flag:*' --actor ada@example.com --since 7d --where payload.key=checkout",
  options: { ...FILTER_OPTIONS, limit: { type: 'string' } },
  run: runSearch,
};

async function runSearch(parsed: Parsed, { terminal, now }: CommandContext): Promise<number> {
  const [directory, ...pairs] = argumentsOf(parsed, search.synopsis, 1, Number.POSITIVE_INFINITY);
  const { values } = parsed;
  const filter = readFilter(values, pairs, now());
  const limit = countOf(values, 'limit', 1) ?? Number.POSITIVE_INFINITY;
  let found = 0;
  await scanAll(
    ledgersIn(directory!),
    filter.query,
    'searching',
    terminal,
    async ({ ledger, record, line }) => {
      if (!filter.accepts(record)) return true;
      found += 1;
      if (values.json === true) terminal.verbatim(line);
      else terminal.out(recordLine({ record, slot: ledger.slot }, terminal));
      await terminal.drained();
      return found < limit && !terminal.isClosed;
    },
  );
  if (values.json === true) return EXIT.fine;
  if (found === 0) terminal.note('no record fits');
  else if (terminal.isInteractive) terminal.note(`${countText(found)} record(s)`);
  return EXIT.fine;
}
