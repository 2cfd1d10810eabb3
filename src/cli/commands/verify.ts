import fs from 'node:fs';
import { messageOf } from '../../errors.js';
import type { VerifyReport } from '../../evidence/report.js';
import { verifyLedger } from '../../evidence/verify.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { ledgersIn } from '../ledgers.js';
import { type Parsed, textOf } from '../options.js';
import { directoryOf } from '../positionals.js';
import { printable } from '../printable.js';
import { Progress } from '../progress.js';
import { bytesText, countText } from '../table.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage.js';

export const verify: Command = {
  name: 'verify',
  summary: 'checks the chain, the cursors and the signed checkpoints of a ledger',
  synopsis: 'verify DIR [--checkpoint FILE] [--key FILE]',
  help: `  --checkpoint FILE   a checkpoint that was published: the ledger must go on from it
  --key FILE          the public key that checkpoints must be signed with: PEM or a verifier key

Says which record is first wrong, and how: altered, missing, doubled, reordered, torn, truncated.
Changes nothing, and works beside a running writer. Exit code 1 means that the evidence is broken.`,
  options: { checkpoint: { type: 'string' }, key: { type: 'string' } },
  run: runVerify,
};

async function runVerify(parsed: Parsed, { terminal }: CommandContext): Promise<number> {
  const { values } = parsed;
  const ledgers = ledgersIn(directoryOf(parsed, verify.synopsis));
  const checkpoint = readFile(textOf(values, 'checkpoint'), '--checkpoint');
  const publicKey = readFile(textOf(values, 'key'), '--key');
  if (checkpoint !== undefined && ledgers.length > 1) {
    throw new UsageError('a checkpoint is of one ledger: name the slot, as in DIR/0');
  }
  let exitCode: number = EXIT.fine;
  for (const { directory } of ledgers) {
    const progress = new Progress(terminal, 'verifying');
    const report = await verifyLedger(directory, {
      checkpoint,
      publicKey,
      onProgress: ({ bytes, totalBytes }) => progress.at(bytes, totalBytes),
    });
    progress.end();
    if (values.json === true) terminal.out(JSON.stringify(report));
    else printReport(report, terminal);
    if (!report.ok) exitCode = EXIT.broken;
    await terminal.drained();
  }
  return exitCode;
}

function printReport(report: VerifyReport, terminal: Terminal): void {
  const { paint } = terminal;
  const { fault, first, head, superseded } = report;
  const say = (text: string) => terminal.out(`  ${text}`);
  terminal.out(
    `${report.ok ? paint('green', '✔ whole ') : paint('red', '✘ broken')}  ${printable(report.directory)}`,
  );
  if (fault !== undefined) {
    const which = fault.sequence === undefined ? '' : ` record ${fault.sequence}`;
    const line = fault.line === undefined ? '' : `:${fault.line}`;
    say(paint('red', `${fault.kind}${which}`));
    say(`${printable(fault.file)}${line}`);
    say(printable(fault.explanation));
  }
  const range = head === undefined ? '' : `, ${first} to ${head.sequence}`;
  const whole = report.ok ? 'records' : 'records before that are whole';
  say(`${countText(report.records)} ${whole}${range}, ${bytesText(report.bytes)}`);
  if (first > 1) say(`records before ${first} were removed by retention`);
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
    say(`sink ${sink} has all up to ${countText(acknowledged)}${aside}`);
  }
}

/** Files of a few hundred bytes; whatever else is named should not be read whole. */
const MAX_FILE_BYTES = 2 ** 20;

function readFile(path: string | undefined, option: string): string | undefined {
  if (path === undefined) return undefined;
  try {
    if (fs.statSync(path).size <= MAX_FILE_BYTES) return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(printable(`${option} ${path} cannot be read: ${messageOf(error)}`));
  }
  throw new UsageError(printable(`${option} ${path} is too large to be one`));
}
