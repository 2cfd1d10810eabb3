import type { KeyObject } from 'node:crypto';
import { AuditError } from '../errors.js';

const crypto = () => process.getBuiltinModule('node:crypto');

/** The one kind of signature that is made and checked here (C2SP signed-note, "Signature types"). */
const ED25519 = 0x01;
const KEY_BYTES = 32;
const ID_BYTES = 4;
/** What stands in a DER-encoded public key before the 32 bytes of an Ed25519 key (RFC 8410). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
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

/** Signs a text, which must end in a line feed, with an Ed25519 key. */
export function signNote(text: string, name: string, key: KeyObject): string {
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

/**
 * The public half of a key in the notation of Go's `note` package, for tools that check notes.
 *
 * @param key an Ed25519 key, private or public, in PEM
 * @throws {AuditError} `invalid-option`
 */
export function verifierKey(name: string, key: string): string {
  if (typeof name !== 'string' || !isKeyName(name)) {
    throw new AuditError('invalid-option', 'verifierKey: name must hold no space and no +');
  }
  const raw = rawKeyOf(fromPem('verifierKey: key', key));
  const encoded = Buffer.concat([Buffer.of(ED25519), raw]).toString('base64');
  return `${name}+${keyIdOf(name, raw).toString('hex')}+${encoded}`;
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

function rawKeyOf(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length);
}

function keyIdOf(name: string, raw: Buffer): Buffer {
  const hash = crypto().createHash('sha256');
  return hash
    .update(`${name}\n`)
    .update(Buffer.of(ED25519))
    .update(raw)
    .digest()
    .subarray(0, ID_BYTES);
}

function invalid(option: string): AuditError {
  return new AuditError(
    'invalid-option',
    `${option} must be an Ed25519 key: SPKI in PEM, or <name>+<key id>+<Base64>`,
  );
}
