import { hashOf } from '../../ledger/record.js';
import { segmentIndexOf } from '../../ledger/segment.js';
import { changesOf } from '../changes.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { findRecords, recordOf } from '../find-record.js';
import { printFolded } from '../folded.js';
import { contentText, indentJson } from '../json-text.js';
import type { Parsed } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { proofOf, type RecordProof } from '../proof.js';
import { type Placed, segmentsFor } from '../scan.js';
import { actorOf, pairOf, timeOf } from '../stored-record.js';
import { countText, statusColour } from '../table.js';
import type { Colour, Terminal } from '../terminal.js';

export const show: Command = {
  name: 'show',
  summary: 'shows one record with its hash, its proof, its trace and what it changed',
  synopsis: 'show DIR ID|SEQ',
  help: `The record is named by its event's id or by its sequence number, with its slot as in 0/12 where there
are several. With --json {"record":…,"hash":…,"chained":…,"proof":…,"file":…}: the record is the exact
line, chained says whether the next record holds its hash, null for the newest.`,
  example: 'show audit 52411',
  options: {},
  run: runShow,
};

async function runShow(parsed: Parsed, { terminal }: CommandContext): Promise<number> {
  const [directory, name] = argumentsOf(parsed, show.synopsis, 2);
  const found = await findRecords(directory!, name!, terminal);
  for (const [index, placed] of found.entries()) {
    // The record that holds this one's hash.
    const next = await recordOf(placed.ledger, placed.record.seq + 1, terminal);
    const hash = hashOf(Buffer.from(placed.line));
    const shown: Shown = {
      hash,
      isChained: next === undefined ? undefined : next.record.prev === hash,
      proof: proofOf(placed),
      file: fileOf(placed),
    };
    if (parsed.values.json === true) terminal.verbatim(jsonOf(placed, shown));
    else {
      if (index > 0) terminal.out('');
      print(placed, shown, terminal);
    }
  }
  return EXIT.fine;
}

/** What is known of a record besides its line. */
interface Shown {
  readonly hash: string;
  /** Whether the next record holds the hash; undefined for the newest. */
  readonly isChained: boolean | undefined;
  readonly proof: RecordProof;
  readonly file: string;
}

/** The record is spliced in, for its numbers may be larger than a parser keeps. */
function jsonOf({ line, ledger }: Placed, { hash, isChained, proof, file }: Shown): string {
  const { slot } = ledger;
  const rest = { hash, chained: isChained ?? null, proof, file, ...(slot && { slot }) };
  return `{"record":${line},${JSON.stringify(rest).slice(1)}`;
}

function fileOf({ ledger, record }: Placed): string {
  const segments = segmentsFor(ledger, {});
  const firsts = segments.map(({ first }) => first);
  return segments[segmentIndexOf(firsts, record.seq)]!.path;
}

function print(
  { record, ledger, line }: Placed,
  { hash, isChained, proof, file }: Shown,
  terminal: Terminal,
): void {
  const { paint } = terminal;
  const { event, malformed, trace, late } = record;
  const row = (name: string, text: string, colour?: Colour) =>
    printFolded(`${name.padEnd(9)} `, text, terminal, { lead: 'dim', value: colour });
  const status = event?.status ?? '';
  printFolded('', pairOf(record), terminal, { value: 'bold' });
  row('outcome', status === '' ? '(none)' : status, statusColour(status));
  row('record', `${ledger.slot === undefined ? '' : `${ledger.slot}/`}${record.seq}`);
  row('id', record.id);
  row('when', timeOf(record));
  row('recorded', record.at + (late === true ? ', after its span had ended' : ''));
  if (event !== undefined) row('who', actorOf(record) || '(unknown)');
  if (trace !== undefined) row('trace', `${trace.traceId}, span ${trace.spanId}`);
  row('hash', hash);
  row('previous', record.prev);
  if (isChained === undefined) {
    row('chain', 'the newest record: only its receipt and checkpoints cover it', 'yellow');
  } else if (isChained) {
    row('chain', 'the next record holds this hash', 'green');
  } else {
    row('chain', 'the next record holds another hash: run otel-audit verify', 'red');
  }
  printProof(proof, row);
  row('file', file);
  if (malformed !== undefined) row('malformed', malformed.reason, 'red');
  const changes = changesOf(event?.payload);
  if (changes !== undefined) {
    terminal.out(paint('dim', 'changes'));
    for (const { sign, text } of changes) {
      printFolded('  ', `${sign} ${text}`, terminal, { value: CHANGES[sign] });
    }
  }
  const member = event === undefined ? 'malformed' : 'event';
  terminal.out(paint('dim', member));
  for (const text of indentJson(contentText(line, member))) printFolded('  ', text, terminal);
}

const CHANGES = { '+': 'green', '-': 'red', '~': 'yellow' } as const;

function printProof(
  proof: RecordProof,
  row: (name: string, text: string, colour?: Colour) => void,
): void {
  if (proof.kind === 'none') {
    row('proof', 'the ledger has no checkpoints', 'dim');
  } else if (proof.kind === 'not-covered') {
    row('proof', `none yet: the newest checkpoint covers ${countText(proof.size)} records`);
  } else if (proof.kind === 'unprovable') {
    row('proof', proof.reason, 'red');
  } else {
    const { size, root, hashes } = proof.proof;
    const checkpoint = `the checkpoint of ${countText(size)} records`;
    if (proof.holds) row('proof', `in ${checkpoint}, by ${hashes.length} hashes`, 'green');
    else row('proof', `not what is in ${checkpoint}: run otel-audit verify`, 'red');
    row('root', root);
  }
}
