import { openCheckpoint } from '../../evidence/checkpoint.js';
import { parseCheckpoint } from '../../evidence/checkpoint-note.js';
import { proveConsistency, verifyConsistency } from '../../evidence/proofs.js';
import { checkpointPath, listCheckpointsSync } from '../../ledger/checkpoint-files.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { readCheckpointFile, readNamedFile } from '../evidence-files.js';
import { ledgersIn } from '../ledgers.js';
import { type Parsed, textsOf } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { printable } from '../printable.js';
import { countText } from '../table.js';
import { UsageError } from '../usage.js';

export const consistency: Command = {
  name: 'consistency',
  summary: 'proves that a ledger only grew from one checkpoint to another',
  synopsis: 'consistency DIR FROM [TO] [--key FILE]',
  help: `  FROM, TO            checkpoints: files, or how many records they cover; TO by default the newest
                      of the ledger
  --key FILE          the public key that the files must be signed with: PEM or a verifier key; may
                      be given several times

Prints the proof (RFC 6962, 2.1.2). Exit code 1 if the tree of a file is not the ledger's.`,
  example: 'consistency audit published.txt --key audit.pub',
  options: { key: { type: 'string', multiple: true } },
  run: runConsistency,
};

/** An end of the proof: how many records, and the root that somebody has signed for them. */
interface End {
  readonly size: number;
  readonly root: string | undefined;
}

async function runConsistency(parsed: Parsed, { terminal }: CommandContext): Promise<number> {
  const [directory, ...names] = argumentsOf(parsed, consistency.synopsis, 2, 3);
  const { values } = parsed;
  const { paint } = terminal;
  const keys = textsOf(values, 'key').map((file) => readNamedFile(file, '--key'));
  const [ledger, another] = ledgersIn(directory!);
  if (another !== undefined) {
    throw new UsageError('checkpoints are of one ledger: name the slot, as in DIR/0');
  }
  // The newest checkpoint is held against the tree like one that is named: the tree alone is nobody's word.
  const newest = listCheckpointsSync(ledger!.directory).at(-1);
  if (names.length === 1 && newest !== undefined) {
    names.push(checkpointPath(ledger!.directory, newest));
  }
  const [from, to] = names.map((name) => endOf(name, keys));
  const proof = proveConsistency(ledger!.directory, from!.size, to?.size);
  const claims = [
    { claimed: from!.root, root: proof.fromRoot, size: proof.from },
    { claimed: to?.root, root: proof.toRoot, size: proof.to },
  ];
  const broken = claims.filter(({ claimed, root }) => claimed !== undefined && claimed !== root);
  const holds = broken.length === 0 && verifyConsistency(proof);
  if (values.json === true) {
    terminal.verbatim(JSON.stringify({ ok: holds, ...proof }));
  } else {
    for (const { size, claimed, root } of broken) {
      terminal.out(
        `${paint('red', '✘ broken')}  the checkpoint says that the first ${countText(size)} records have the root ${printable(claimed!)}, the ledger has ${root}`,
      );
    }
    if (holds) {
      terminal.out(
        `${paint('green', '✔ consistent')}  ${countText(proof.to)} records begin with the ${countText(proof.from)} of before`,
      );
    }
    terminal.out(`from  ${proof.from} ${proof.fromRoot}`);
    terminal.out(`to    ${proof.to} ${proof.toRoot}`);
    for (const hash of proof.hashes) terminal.out(`      ${hash}`);
  }
  return holds ? EXIT.fine : EXIT.broken;
}

function endOf(name: string, keys: readonly string[]): End {
  if (/^[1-9]\d{0,15}$/.test(name)) return { size: Number(name), root: undefined };
  const text = readCheckpointFile(name, 'the checkpoint');
  if (keys.length > 0) return openCheckpoint(text, keys);
  const { size, root } = parseCheckpoint(text)!;
  return { size, root };
}
