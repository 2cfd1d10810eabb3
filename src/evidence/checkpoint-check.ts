import { AuditError } from '../errors.js';
import { checkpointPath, listCheckpointsSync } from '../ledger/checkpoint-files.js';
import { readTextSync } from '../ledger/plain-file.js';
import { parseCheckpoint } from './checkpoint-note.js';
import type { Verifier } from './note.js';
import { readPublicKeys, signatureFault } from './public-key.js';
import type { VerifiedCheckpoint, VerifyFault } from './report.js';
import type { ExpectedHead } from './tree-check.js';

/** The checkpoints that a ledger is held against. */
export interface CheckedCheckpoints {
  readonly checkpoints: readonly VerifiedCheckpoint[];
  /** The same as heads of the tree, ascending by size. */
  readonly heads: readonly ExpectedHead[];
  /** Records that the newest one in the folder covers. */
  readonly kept: number;
  /** Checkpoints that are none, or not signed as they should be. */
  readonly faults: readonly VerifyFault[];
}

/**
 * Reads the checkpoints in a ledger's folder and those that were kept elsewhere.
 *
 * @throws {AuditError} `invalid-option` for a key that is none
 */
export function checkCheckpointsSync(
  directory: string,
  given: string | readonly string[] | undefined,
  publicKey: string | readonly string[] | undefined,
): CheckedCheckpoints {
  const keys =
    publicKey === undefined ? undefined : readPublicKeys('verifyLedger: publicKey', publicKey);
  const check = new Check(keys);
  const sizes = listCheckpointsSync(directory);
  for (const size of sizes) {
    const file = checkpointPath(directory, size);
    check.read(file, size);
  }
  const handed = typeof given === 'string' ? [given] : (given ?? []);
  if (!Array.isArray(handed) || !handed.every((text) => typeof text === 'string')) {
    throw new AuditError('invalid-option', 'verifyLedger: checkpoint must be the text of a note');
  }
  for (const text of handed) check.add(text);
  const heads = [...check.heads].sort((a, b) => a.size - b.size);
  const { checkpoints, faults } = check;
  return { checkpoints, heads, kept: sizes.at(-1) ?? 0, faults };
}

class Check {
  readonly checkpoints: VerifiedCheckpoint[] = [];
  readonly heads: ExpectedHead[] = [];
  readonly faults: VerifyFault[] = [];
  readonly #keys: readonly Verifier[] | undefined;

  constructor(keys: readonly Verifier[] | undefined) {
    this.#keys = keys;
  }

  /** One in the folder, unless a running writer has removed it meanwhile. Throws what `fs` throws. */
  read(file: string, size: number): void {
    try {
      const text = readTextSync(file);
      if (text !== undefined) this.add(text, file, size);
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      this.faults.push({ kind: 'altered', file, explanation: error.message });
    }
  }

  /** @param file absent for one that was handed in, which may be of any size */
  add(text: string, file?: string, size?: number): void {
    const name = file ?? 'the checkpoint that was handed in';
    const parsed = parseCheckpoint(text);
    if (parsed === undefined || (size !== undefined && parsed.size !== size)) {
      const fault =
        parsed === undefined ? 'is no signed checkpoint' : `covers ${parsed.size} records`;
      this.faults.push({ kind: 'altered', file: name, explanation: `${name} ${fault}` });
      return;
    }
    const fault = this.#keys && signatureFault(parsed, this.#keys);
    if (fault !== undefined) {
      this.faults.push({ kind: 'signature', file: name, explanation: `${name} ${fault}` });
      return;
    }
    const { origin, root } = parsed;
    const signature = this.#keys === undefined ? 'unchecked' : 'valid';
    const where = file === undefined ? {} : { file };
    this.checkpoints.push({ ...where, origin, size: parsed.size, root, signature });
    this.heads.push({ file: name, isGiven: file === undefined, size: parsed.size, root });
  }
}
