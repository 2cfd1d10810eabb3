import type { KeyObject } from 'node:crypto';
import type { SigningKey } from '../ledger/checkpoint-options.js';

const crypto = () => process.getBuiltinModule('node:crypto');

/** The one kind of signature that is made and checked here (C2SP signed-note, "Signature types"). */
export const ED25519 = 0x01;
const ID_BYTES = 4;
/** What stands in a DER-encoded public key before the 32 bytes of an Ed25519 key (RFC 8410). */
export const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const MARK = '— ';
/** As in the reference implementation, so that nobody verifies forever. */
const MAX_SIGNATURES = 100;
/** Sixteen post-quantum signatures, which a verifier must accept, take 80 kB. */
const MAX_NOTE_LENGTH = 2 ** 20;

// Bytes below a space, but the line end.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused here
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
/** A name of a key: no space of any alphabet, no plus. */
const NAME = /^[^\s\u0085+]+$/u;

/** A signature on a note. */
export interface NoteSignature {
  /** The name of the key. */
  readonly name: string;
  /** Four bytes that tell keys of one name apart, in hexadecimal. */
  readonly keyId: string;
  readonly bytes: Buffer;
}

/** A note whose signatures nobody has checked yet. */
export interface Note {
  /** With its final line feed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Somebody's public key. */
export interface Verifier {
  /** Its name; undefined if it stands for any. */
  readonly name: string | undefined;
  readonly key: KeyObject;
}

/** Whether this may name a key: not empty, no spaces, no plus. */
export function isKeyName(name: string): boolean {
  return NAME.test(name) && !CONTROL.test(name) && name.isWellFormed();
}

/**
 * Takes a note apart (C2SP signed-note, "Format"). The note may come from anybody.
 *
 * @returns undefined for what is no note
 */
export function parseNote(note: string): Note | undefined {
  if (note.length > MAX_NOTE_LENGTH || CONTROL.test(note) || !note.endsWith('\n')) return undefined;
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return undefined;
  const lines = note.slice(split + 2).split('\n');
  lines.pop(); // what follows the last line feed
  if (lines.length === 0 || lines.length > MAX_SIGNATURES) return undefined;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignature(line);
    if (signature === undefined) return undefined;
    signatures.push(signature);
  }
  return { text: note.slice(0, split + 1), signatures };
}

function parseSignature(line: string): NoteSignature | undefined {
  if (!line.startsWith(MARK)) return undefined;
  const at = line.indexOf(' ', MARK.length);
  const name = line.slice(MARK.length, at);
  const encoded = line.slice(at + 1);
  const bytes = Buffer.from(encoded, 'base64');
  if (at < 0 || !isKeyName(name) || bytes.length <= ID_BYTES) return undefined;
  if (bytes.toString('base64') !== encoded) return undefined;
  return { name, keyId: bytes.toString('hex', 0, ID_BYTES), bytes: bytes.subarray(ID_BYTES) };
}

/** The verifier of what a key signs. */
export function verifierOf(name: string, signingKey: SigningKey): Verifier {
  return { name, key: crypto().createPublicKey(signingKey as KeyObject) };
}

/** Signs a text, which must end in a line feed, with an Ed25519 key: a `KeyObject`. */
export function signNote(text: string, name: string, signingKey: SigningKey): string {
  const key = signingKey as KeyObject;
  const id = keyIdOf(name, rawKeyOf(crypto().createPublicKey(key)));
  const signature = crypto().sign(null, Buffer.from(text), key);
  return `${text}\n${MARK}${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}

/**
 * Whether a key has signed a note; `unknown` if no signature claims to be this key's. One that does and
 * is not spoils the whole note, whatever else stands there.
 *
 * @param name of the key, where the verifier leaves it open
 */
export function checkSignature(
  { text, signatures }: Note,
  verifier: Verifier,
  name: string,
): 'valid' | 'invalid' | 'unknown' {
  const keyName = verifier.name ?? name;
  const keyId = keyIdOf(keyName, rawKeyOf(verifier.key)).toString('hex');
  const claimed = signatures.find((each) => each.name === keyName && each.keyId === keyId);
  if (claimed === undefined) return 'unknown';
  const isValid = crypto().verify(null, Buffer.from(text), verifier.key, claimed.bytes);
  return isValid ? 'valid' : 'invalid';
}

/** The 32 bytes of an Ed25519 key. */
export function rawKeyOf(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length);
}

/** The four bytes that tell keys of one name apart. */
export function keyIdOf(name: string, raw: Buffer): Buffer {
  const hash = crypto().createHash('sha256');
  return hash
    .update(`${name}\n`)
    .update(Buffer.of(ED25519))
    .update(raw)
    .digest()
    .subarray(0, ID_BYTES);
}
