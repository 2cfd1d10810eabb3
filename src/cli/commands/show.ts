import { hashOf } from '../../ledger/record.js';
import { segmentIndexOf } from '../../ledger/segment.js';
import { changesOf } from '../changes.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { ledgersIn } from '../ledgers.js';
import type { Parsed } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { printable } from '../printable.js';
import { type Placed, type ScanQuery, scanLedger, segmentsFor } from '../scan.js';
import { actorOf, pairOf, timeOf } from '../stored-record.js';
import { statusColour } from '../table.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage.js';

export const show: Command = {
  name: 'show',
  summary: 'shows one record with its hash, its place, its trace and what it changed',
  synopsis: 'show DIR ID|SEQ',
  help: `The record is named by its event's id or by its sequence number. With --json:
{"record":…,"hash":…,"file":…,"verified":…}, where the record is the exact line.`,
  options: {},
  run: runShow,
};

async function runShow(parsed: Parsed, { terminal }: CommandContext): Promise<number> {
  const [directory, name] = argumentsOf(parsed, show.synopsis, 2);
  const isSequence = /^[1-9]\d{0,15}$/.test(name!);
  const sequence = Number(name);
  const query: ScanQuery = isSequence
    ? { from: sequence, to: sequence, needles: [Buffer.from(`{"seq":${sequence},`)] }
    : { needles: [Buffer.from(`"id":${JSON.stringify(name)}`)] };
  const found: Placed[] = [];
  for (const ledger of ledgersIn(directory!)) {
    await scanLedger(ledger, query, {
      onRecord: (placed) => {
        if (isSequence || placed.record.id === name) found.push(placed);
        return !isSequence || found.length === 0;
      },
    });
  }
  if (found.length === 0) throw new UsageError(`there is no record ${JSON.stringify(name)}`);
  for (const placed of found) {
    const following = await recordAfter(placed);
    const hash = hashOf(Buffer.from(placed.line));
    const isChained = following === undefined ? undefined : following.record.prev === hash;
    const file = fileOf(placed);
    if (parsed.values.json === true) {
      terminal.out(
        `{"record":${placed.line},"hash":"${hash}","file":${JSON.stringify(file)},"chained":${isChained ?? null}}`,
      );
    } else {
      print(placed, hash, file, isChained, terminal);
    }
  }
  return EXIT.fine;
}

/** The record that holds this one's hash. */
async function recordAfter({ ledger, record }: Placed): Promise<Placed | undefined> {
  const next = record.seq + 1;
  let found: Placed | undefined;
  const needles = [Buffer.from(`{"seq":${next},`)];
  await scanLedger(
    ledger,
    { from: next, to: next, needles },
    {
      onRecord: (placed) => {
        found = placed;
        return false;
      },
    },
  );
  return found;
}

function fileOf({ ledger, record }: Placed): string {
  const segments = segmentsFor(ledger, {});
  const firsts = segments.map(({ first }) => first);
  return segments[segmentIndexOf(firsts, record.seq)]!.path;
}

function print(
  { record, ledger }: Placed,
  hash: string,
  file: string,
  isChained: boolean | undefined,
  terminal: Terminal,
): void {
  const { paint } = terminal;
  const { event, malformed, trace, late } = record;
  const row = (name: string, text: string) =>
    terminal.out(`${paint('dim', name.padEnd(9))} ${text}`);
  const status = event?.status ?? '';
  const colour = statusColour(status);
  terminal.out(
    `${paint('bold', printable(pairOf(record)))}  ${colour === undefined ? printable(status) : paint(colour, printable(status))}`,
  );
  row('record', `${ledger.slot === undefined ? '' : `${ledger.slot}/`}${record.seq}`);
  row('id', printable(record.id));
  row('when', printable(timeOf(record)));
  row('recorded', printable(record.at) + (late === true ? ', after its span had ended' : ''));
  if (event !== undefined) {
    row('who', printable(actorOf(record)) || '(unknown)');
    const actor = event.metadata.actor;
    if (actor !== undefined) printJson('actor', actor, terminal);
  }
  if (trace !== undefined) row('trace', printable(`${trace.traceId}, span ${trace.spanId}`));
  row('hash', hash);
  row('previous', printable(record.prev));
  row(
    'chain',
    isChained === undefined
      ? paint('yellow', 'the newest record: only its receipt and checkpoints cover it')
      : isChained
        ? paint('green', 'the next record holds this hash')
        : paint('red', 'the next record holds another hash: run otel-audit verify'),
  );
  row('file', printable(file));
  if (malformed !== undefined) {
    row('malformed', paint('red', printable(malformed.reason)));
    printJson('attributes', malformed.attributes, terminal);
    return;
  }
  const changes = changesOf(event?.payload);
  if (changes !== undefined) {
    terminal.out(paint('dim', 'changes'));
    for (const { sign, text } of changes) {
      terminal.out(
        `  ${paint(sign === '+' ? 'green' : sign === '-' ? 'red' : 'yellow', `${sign} ${printable(text)}`)}`,
      );
    }
  }
  if (event?.payload !== null && event?.payload !== undefined) {
    printJson('payload', event.payload, terminal);
  }
}

function printJson(name: string, value: unknown, { out, paint }: Terminal): void {
  out(paint('dim', name));
  for (const line of JSON.stringify(value, undefined, 2).split('\n')) out(`  ${printable(line)}`);
}
