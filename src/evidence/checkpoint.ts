import { AuditError } from '../errors.js';
import { parseCheckpoint } from './checkpoint-note.js';
import { readPublicKeys, signatureFault } from './public-key.js';

/** The head of a log's tree (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** The log's name. */
  readonly origin: string;
  /** How many records it covers: all up to the one of this number. */
  readonly size: number;
  /** The root of the Merkle tree (RFC 6962) over them, in Base64. */
  readonly root: string;
}

/**
 * Reads a signed checkpoint and makes sure that the key has signed it.
 *
 * @param checkpoint the note, as it was published
 * @param publicKey an Ed25519 key as SPKI in PEM, whose name is the origin, or a verifier key
 *   `<name>+<key id>+<Base64>`; several where the key has been changed: one of them is enough
 * @throws {AuditError} `checkpoint-invalid` if it is none, or none of the keys has signed it;
 *   `invalid-option` for a key that is none
 */
export function openCheckpoint(
  checkpoint: string,
  publicKey: string | readonly string[],
): Checkpoint {
  const verifiers = readPublicKeys('openCheckpoint: publicKey', publicKey);
  const parsed = typeof checkpoint === 'string' ? parseCheckpoint(checkpoint) : undefined;
  if (parsed === undefined) {
    throw new AuditError('checkpoint-invalid', 'this is no signed checkpoint');
  }
  const fault = signatureFault(parsed, verifiers);
  if (fault !== undefined) throw new AuditError('checkpoint-invalid', `the checkpoint ${fault}`);
  const { origin, size, root } = parsed;
  return { origin, size, root };
}
