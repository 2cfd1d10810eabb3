import { AuditError } from '../errors.js';
import { parseCheckpoint } from '../evidence/checkpoint-note.js';
import { type InclusionProof, proveInclusion, verifyInclusion } from '../evidence/proofs.js';
import { checkpointPath, listCheckpointsSync } from '../ledger/checkpoint-files.js';
import { readTextSync } from '../ledger/plain-file.js';
import type { Placed } from './scan.js';

/** What a ledger's newest checkpoint shows of a record. */
export type RecordProof =
  /** The ledger has no checkpoints. */
  | { readonly kind: 'none' }
  /** It has, but none that covers this record yet. */
  | { readonly kind: 'not-covered'; readonly size: number }
  /** Whether the record is the one that is in the tree. */
  | { readonly kind: 'proof'; readonly proof: InclusionProof; readonly holds: boolean }
  | { readonly kind: 'unprovable'; readonly reason: string };

export function proofOf({ ledger, record, line }: Placed): RecordProof {
  try {
    const size = listCheckpointsSync(ledger.directory).at(-1);
    if (size === undefined) return { kind: 'none' };
    if (record.seq > size) return { kind: 'not-covered', size };
    const proof = proveInclusion(ledger.directory, record.seq, size);
    // The proof's root is that of the hashes in the folder, which need not be what was signed.
    const text = readTextSync(checkpointPath(ledger.directory, size)) ?? '';
    const holds = parseCheckpoint(text)?.root === proof.root && verifyInclusion(proof, line);
    return { kind: 'proof', proof, holds };
  } catch (error) {
    if (error instanceof AuditError) return { kind: 'unprovable', reason: error.message };
    throw error;
  }
}
