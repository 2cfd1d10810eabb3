import type { VerifyFault, VerifyReport } from '../../evidence/report.js';
import { verifyLedger } from '../../evidence/verify.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { readCheckpointFile, readNamedFile } from '../evidence-files.js';
import { ledgersIn, missingSlots } from '../ledgers.js';
import { type Parsed, textsOf } from '../options.js';
import { directoryOf } from '../positionals.js';
import { printable } from '../printable.js';
import { Progress } from '../progress.js';
import { bytesText, countText } from '../table.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage.js';

export const verify: Command = {
  name: 'verify',
  summary: 'checks the chain, the cursors and the signed checkpoints of a ledger',
  synopsis: 'verify DIR [--checkpoint FILE] [--key FILE] [--full]',
  help: `  --checkpoint FILE   a checkpoint that was published: the ledger must go on from it
  --key FILE          the public key that checkpoints must be signed with: PEM or a verifier key
  --full              builds the whole Merkle tree too: for its root, and to check what proofs are made of

The first two may be given several times. Says which record is first wrong, and how: altered, missing,
doubled, reordered, torn, truncated. Changes nothing, and works beside a running writer. Exit code 1
means that the evidence is broken.`,
  example: 'verify audit --checkpoint published.txt --key audit.pub',
  options: {
    checkpoint: { type: 'string', multiple: true },
    key: { type: 'string', multiple: true },
    full: { type: 'boolean' },
  },
  run: runVerify,
};

async function runVerify(parsed: Parsed, { terminal }: CommandContext): Promise<number> {
  const { values } = parsed;
  const directory = directoryOf(parsed, verify.synopsis);
  const ledgers = ledgersIn(directory);
  const checkpoint = textsOf(values, 'checkpoint').map((file) =>
    readCheckpointFile(file, '--checkpoint'),
  );
  const publicKey = textsOf(values, 'key').map((file) => readNamedFile(file, '--key'));
  if (checkpoint.length > 0 && ledgers.length > 1) {
    throw new UsageError('a checkpoint is of one ledger: name the slot, as in DIR/0');
  }
  let exitCode: number = EXIT.fine;
  for (const ledger of ledgers) {
    const progress = new Progress(terminal, 'verifying');
    const report = await verifyLedger(ledger.directory, {
      checkpoint,
      publicKey: publicKey.length > 0 ? publicKey : undefined,
      full: values.full === true,
      onProgress: ({ bytes, totalBytes }) => progress.at(bytes, totalBytes),
    });
    progress.end();
    if (values.json === true) terminal.verbatim(JSON.stringify(report));
    else printReport(report, terminal);
    if (!report.ok) exitCode = EXIT.broken;
    if (publicKey.length > 0 && report.checkpoints.length === 0) {
      terminal.note(
        `${printable(ledger.directory)} has no checkpoint that the key has signed: it has shown nothing`,
      );
    }
    const stranger = ledger.slot === undefined ? undefined : ofAnotherSlot(report, ledger.slot);
    if (stranger !== undefined) {
      terminal.note(
        `${printable(ledger.directory)} has checkpoints of ${printable(stranger)}: is it the ledger of another slot?`,
      );
    }
    await terminal.drained();
  }
  // Somebody may have moved it away on purpose: only the reader can tell.
  const missing = missingSlots(directory, ledgers);
  if (missing.length > 0) {
    const more = missing.length > MOST_SLOTS ? ` and ${missing.length - MOST_SLOTS} more` : '';
    terminal.note(
      `not there: slot ${missing.slice(0, MOST_SLOTS).join(', ')}${more}, though it was; was it moved away on purpose?`,
    );
  }
  return exitCode;
}

const MOST_SLOTS = 20;

/** Slots sign as `<origin>/<slot>`, and most with one key: whoever copies one over another breaks no signature. */
function ofAnotherSlot({ checkpoints }: VerifyReport, slot: string): string | undefined {
  const slotOf = (origin: string) => /\/(0|[1-9]\d{0,5})$/.exec(origin)?.[1] ?? slot;
  return checkpoints.find(({ origin }) => slotOf(origin) !== slot)?.origin;
}

/** Faults that are shown; --json has all. */
const MOST_FAULTS = 5;

function printReport(report: VerifyReport, terminal: Terminal): void {
  const { paint } = terminal;
  const { faults, first, head, superseded } = report;
  const say = (text: string) => terminal.out(`  ${text}`);
  terminal.out(
    `${report.ok ? paint('green', '✔ whole ') : paint('red', '✘ broken')}  ${printable(report.directory)}`,
  );
  for (const fault of faults.slice(0, MOST_FAULTS)) printFault(fault, terminal);
  if (faults.length > MOST_FAULTS) say(`and ${countText(faults.length - MOST_FAULTS)} more`);
  const range = head === undefined ? '' : `, ${first} to ${head.sequence}`;
  const whole = report.ok ? 'records' : 'records before that are whole';
  say(`${countText(report.records)} ${whole}${range}, ${bytesText(report.bytes)}`);
  if (first > 1) say(`records before ${first} are gone, as retention removes them`);
  if (superseded > 0) say(`${countText(superseded)} superseded lines`);
  if (head !== undefined) say(paint('dim', `head  ${head.hash}`));
  if (report.root !== undefined) say(paint('dim', `root  ${report.root}`));
  for (const { file, origin, size, signature } of report.checkpoints) {
    const where = file === undefined ? 'the checkpoint given' : printable(file);
    say(
      `checkpoint of ${countText(size)} records by ${printable(origin)}, signature ${signature}: ${where}`,
    );
  }
  for (const { sink, acknowledged, waiting } of report.cursors) {
    const aside = waiting > 0 ? `, ${waiting} set aside` : '';
    say(`sink ${printable(sink)} has all up to ${countText(acknowledged)}${aside}`);
  }
}

function printFault(
  { kind, sequence, file, line, explanation }: VerifyFault,
  terminal: Terminal,
): void {
  const { paint } = terminal;
  const which = sequence === undefined ? '' : ` record ${sequence}`;
  const where = printable(file) + (line === undefined ? '' : `:${line}`);
  terminal.out(`  ${paint('red', `${kind}${which}`)}  ${printable(explanation)}`);
  terminal.out(`  ${paint('dim', `in ${where}`)}`);
}
