import { AuditError } from '../errors.js';
import { fromBase64, type Hash, toBase64 } from './merkle.js';
import { checkSignature, type Note, parseNote, readPublicKey, type Verifier } from './note.js';

/** The head of a log's tree (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** The log's name. */
  readonly origin: string;
  /** How many records it covers: all up to the one of this number. */
  readonly size: number;
  /** The root of the Merkle tree (RFC 6962) over them, in Base64. */
  readonly root: string;
}

const SIZE = /^(?:0|[1-9]\d{0,15})$/;

/** The text that is signed. */
export function checkpointText(origin: string, size: number, root: Hash): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** A checkpoint and the note that it stands in, whose signatures nobody has checked. */
export interface UncheckedCheckpoint extends Checkpoint {
  readonly note: Note;
}

/** Takes a checkpoint apart, whoever it comes from; undefined for what is none. */
export function parseCheckpoint(text: string): UncheckedCheckpoint | undefined {
  const note = parseNote(text);
  if (note === undefined) return undefined;
  const [origin = '', digits = '', root = '', ...extensions] = note.text.slice(0, -1).split('\n');
  const size = Number(digits);
  if (origin === '' || !SIZE.test(digits) || !Number.isSafeInteger(size)) return undefined;
  if (fromBase64(root) === undefined || extensions.includes('')) return undefined;
  return { origin, size, root, note };
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
  const parsed = parseCheckpoint(checkpoint);
  if (parsed === undefined) {
    throw new AuditError('checkpoint-invalid', 'this is no signed checkpoint');
  }
  const fault = signatureFault(parsed, verifiers);
  if (fault !== undefined) throw new AuditError('checkpoint-invalid', `the checkpoint ${fault}`);
  const { origin, size, root } = parsed;
  return { origin, size, root };
}

/** @throws {AuditError} `invalid-option` */
export function readPublicKeys(option: string, keys: string | readonly string[]): Verifier[] {
  if (typeof keys === 'string') return [readPublicKey(option, keys)];
  if (Array.isArray(keys) && keys.length > 0) {
    return keys.map((key: string, index) => readPublicKey(`${option}[${index}]`, key));
  }
  throw new AuditError('invalid-option', `${option} must be a key or an array of keys`);
}

/** What is wrong with a checkpoint's signatures; undefined if one of the keys has signed it. */
export function signatureFault(
  { note, origin }: UncheckedCheckpoint,
  verifiers: readonly Verifier[],
): string | undefined {
  const results = verifiers.map((verifier) => checkSignature(note, verifier, origin));
  if (results.includes('invalid')) return 'was altered: its signature is not valid';
  return results.includes('valid') ? undefined : 'is not signed by the key that was given';
}
