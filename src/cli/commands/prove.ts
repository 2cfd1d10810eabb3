import { AuditError } from '../../errors.js';
import { parseCheckpoint } from '../../evidence/checkpoint-note.js';
import {
  openRecordProof,
  proveInclusion,
  recordProof,
  verifyInclusion,
} from '../../evidence/proofs.js';
import { checkpointPath, listCheckpointsSync } from '../../ledger/checkpoint-files.js';
import { readTextSync } from '../../ledger/plain-file.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { readCheckpointFile, readNamedFile } from '../evidence-files.js';
import { findRecords } from '../find-record.js';
import { type Parsed, textOf, textsOf } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { UsageError } from '../usage.js';

export const prove: Command = {
  name: 'prove',
  summary: 'proves that a record is in a signed checkpoint',
  synopsis: 'prove DIR ID|SEQ [--checkpoint FILE] [--key FILE]',
  help: `  --checkpoint FILE   the checkpoint that the proof leads to; default: the newest of the ledger
  --key FILE          checks the proof with this public key too: PEM or a verifier key; may be
                      given several times

Prints the proof with its checkpoint (C2SP tlog-proof). Together with the record's line, as search
--json prints it, and the public key, it is all that somebody needs to check it: see docs/evidence.md.`,
  example: 'prove audit 52411 --key audit.pub > record.proof',
  options: {
    checkpoint: { type: 'string' },
    key: { type: 'string', multiple: true },
  },
  run: runProve,
};

async function runProve(parsed: Parsed, { terminal }: CommandContext): Promise<number> {
  const [directory, name] = argumentsOf(parsed, prove.synopsis, 2);
  const { values } = parsed;
  const given = textOf(values, 'checkpoint');
  const keys = textsOf(values, 'key').map((file) => readNamedFile(file, '--key'));
  const [placed, another] = await findRecords(directory!, name!, terminal);
  if (another !== undefined) {
    throw new UsageError(`several slots have a record ${name}: name one of them, as in 0/${name}`);
  }
  const { ledger, record, line } = placed!;
  const checkpoint =
    given === undefined
      ? newestCheckpoint(ledger.directory, record.seq)
      : readCheckpointFile(given, '--checkpoint');
  const proof = recordProof(ledger.directory, record.seq, checkpoint);
  const inclusion = proveInclusion(ledger.directory, record.seq, parseCheckpoint(checkpoint)!.size);
  // It is made of the tree's hashes: what stands in the ledger now may be another record.
  if (!verifyInclusion(inclusion, line)) {
    throw new AuditError(
      'checkpoint-invalid',
      `record ${record.seq} of ${ledger.directory} is not what is in the checkpoint: run otel-audit verify`,
    );
  }
  if (keys.length > 0) openRecordProof(proof, line, keys);
  if (values.json === true) {
    terminal.verbatim(JSON.stringify({ ...inclusion, line, checkpoint, proof }));
  } else {
    terminal.verbatim(proof.slice(0, -1));
  }
  return EXIT.fine;
}

function newestCheckpoint(directory: string, sequence: number): string {
  const size = listCheckpointsSync(directory).at(-1);
  if (size === undefined) {
    throw new UsageError(
      `${directory} has no checkpoints: switch them on with the option ledger.checkpoint`,
    );
  }
  if (size < sequence) {
    throw new UsageError(
      `no checkpoint covers record ${sequence} yet: the newest covers ${size} records`,
    );
  }
  return readTextSync(checkpointPath(directory, size)) ?? '';
}
