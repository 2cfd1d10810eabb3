import { type Command, type CommandContext, EXIT } from '../command.js';
import { readDeadLetters, sinksWithDeadLetters } from '../dead-letters.js';
import { printFolded } from '../folded.js';
import { ledgersIn } from '../ledgers.js';
import type { Parsed } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { printable } from '../printable.js';
import { readReplayed } from '../replayed.js';
import { countText, recordLine } from '../table.js';

export const dead: Command = {
  name: 'dead',
  summary: 'lists dead letters, which a sink refused for good, with the reasons',
  synopsis: 'dead DIR [SINK] [--all]',
  help: `  --all               those too that were sent again and stored since

With --json the lines of dead/SINK.jsonl, each with its sink in front. otel-audit replay --dead sends
them again.`,
  example: 'dead audit webhook',
  options: { all: { type: 'boolean' } },
  run: runDead,
};

async function runDead(parsed: Parsed, { terminal }: CommandContext): Promise<number> {
  const [directory, sink] = argumentsOf(parsed, dead.synopsis, 1, 2);
  let count = 0;
  const known = new Set<string>();
  for (const ledger of ledgersIn(directory!)) {
    for (const name of sinksWithDeadLetters(ledger.directory)) {
      known.add(name);
      if (sink !== undefined && name !== sink) continue;
      const replayed = readReplayed(ledger.directory, name);
      for await (const letter of readDeadLetters(ledger.directory, name)) {
        if (terminal.isClosed) return EXIT.fine;
        if (replayed.has(letter.record.id) && parsed.values.all !== true) continue;
        count += 1;
        if (parsed.values.json === true) {
          const slot = ledger.slot === undefined ? '' : `"slot":"${ledger.slot}",`;
          terminal.verbatim(`{${slot}"sink":"${name}",${letter.line.slice(1)}`);
        } else {
          const { record, reason, attempts, at } = letter;
          terminal.out(recordLine({ record, slot: ledger.slot }, terminal));
          printFolded(`  ${name}  `, reason, terminal, { lead: 'yellow', value: 'red' });
          printFolded('  ', `${at}, ${attempts} attempt(s)`, terminal, { value: 'dim' });
        }
        await terminal.drained();
      }
    }
  }
  if (sink !== undefined && !known.has(sink)) {
    const others =
      known.size === 0 ? 'no sink has any' : `sinks that have: ${[...known].join(', ')}`;
    terminal.note(`sink ${printable(sink)} has no dead letters; ${others}`);
  } else if (parsed.values.json !== true) {
    terminal.note(count === 0 ? 'no dead letters' : `${countText(count)} dead letter(s)`);
  }
  return EXIT.fine;
}
