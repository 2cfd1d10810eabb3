import type { KeyObject } from 'node:crypto';
import { AuditError } from '../errors.js';
import type { UncheckedCheckpoint } from './checkpoint-note.js';
import {
  checkSignature,
  ED25519,
  isKeyName,
  keyIdOf,
  rawKeyOf,
  SPKI_HEAD,
  type Verifier,
} from './note.js';

const KEY_BYTES = 32;

const crypto = () => process.getBuiltinModule('node:crypto');

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

/** The notation of Go's `note` package for a public key, the key given in PEM. */
export function verifierKeyOf(option: string, name: string, pem: string): string {
  const raw = rawKeyOf(fromPem(option, pem));
  const encoded = Buffer.concat([Buffer.of(ED25519), raw]).toString('base64');
  return `${name}+${keyIdOf(name, raw).toString('hex')}+${encoded}`;
}

/**
 * Reads a public key: an Ed25519 key as SPKI in PEM, which stands for any name, or a verifier key in the
 * notation of Go's `note` package, `<name>+<key id>+<Base64>`.
 *
 * @param option for messages
 * @throws {AuditError} `invalid-option`
 */
export function readPublicKey(option: string, text: string): Verifier {
  if (typeof text !== 'string') throw invalid(option);
  if (text.includes('PRIVATE KEY')) {
    throw new AuditError(
      'invalid-option',
      `${option} is a private key: only the public one belongs here`,
    );
  }
  const parts = text.trim().split('+');
  if (text.includes('-----BEGIN') || parts.length < 3)
    return { name: undefined, key: fromPem(option, text) };
  const [name, id] = parts as [string, string];
  const encoded = parts.slice(2).join('+');
  const bytes = Buffer.from(encoded, 'base64');
  const raw = bytes.subarray(1);
  const isSound =
    isKeyName(name) &&
    bytes.length === 1 + KEY_BYTES &&
    bytes[0] === ED25519 &&
    bytes.toString('base64') === encoded &&
    keyIdOf(name, raw).toString('hex') === id;
  if (!isSound) throw invalid(option);
  return { name, key: fromDer(Buffer.concat([SPKI_HEAD, raw])) };
}

function fromPem(option: string, pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = crypto().createPublicKey(pem);
  } catch {
    throw invalid(option);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw invalid(option);
  return key;
}

function fromDer(key: Buffer): KeyObject {
  return crypto().createPublicKey({ key, format: 'der', type: 'spki' });
}

function invalid(option: string): AuditError {
  return new AuditError(
    'invalid-option',
    `${option} must be an Ed25519 key: SPKI in PEM, or <name>+<key id>+<Base64>`,
  );
}
