import fs from 'node:fs';
import { AuditError } from '../errors.js';

/** Signed checkpoints of a ledger: heads of a Merkle tree over its records, for publishing elsewhere. */
export interface CheckpointOptions {
  /**
   * The log's name in its checkpoints, and the key's: a URL without a scheme, such as
   * `audit.example.com/shop`; no spaces, no `+`, at most 255 characters. Each ledger needs one of its own; with
   * `slots` the slot's number is added: `audit.example.com/shop/0`.
   */
  readonly origin: string;
  /** The Ed25519 key that signs. */
  readonly key: CheckpointKey;
  /** A checkpoint is made once so many records are durable and not covered. Default: 65,536. */
  readonly everyRecords?: number | undefined;
  /** And at the latest so long after the first of them, in milliseconds. Default: 60,000. */
  readonly everyMs?: number | undefined;
  /**
   * Publishes a checkpoint where this host cannot change it. Called after it was written to `checkpoints/`, with
   * one at a time: while a call is pending newer ones take each other's place, and one that failed is
   * tried again.
   */
  readonly onCheckpoint?: ((checkpoint: PublishedCheckpoint) => void | Promise<void>) | undefined;
}

/** A private key as PKCS#8 in PEM: its text, or the file or environment variable that holds it. */
export type CheckpointKey = string | { readonly file: string } | { readonly env: string };

/** A signed checkpoint, as it goes out. */
export interface PublishedCheckpoint {
  /** The C2SP signed note: what to publish, byte for byte. */
  readonly note: string;
  readonly origin: string;
  /** It covers every record up to the one of this number. */
  readonly size: number;
  /** The root of the Merkle tree over them, in Base64. */
  readonly root: string;
  /** The ledger's folder. */
  readonly directory: string;
}

/** A `KeyObject` of `node:crypto`: declarations must compile where Node's types are not installed. */
export interface SigningKey {
  readonly asymmetricKeyType?: string | undefined;
}

/** {@link CheckpointOptions} with every default filled in. */
export interface ResolvedCheckpointOptions {
  readonly origin: string;
  readonly key: SigningKey;
  readonly everyRecords: number;
  readonly everyMs: number;
  readonly onCheckpoint: CheckpointOptions['onCheckpoint'];
}

const KNOWN = ['origin', 'key', 'everyRecords', 'everyMs', 'onCheckpoint'];
const ORIGIN = /^[^\s\p{Cc}+]{1,255}$/u;
const MAX_KEY_BYTES = 64 * 1024;
const MAX_RECORDS = 2 ** 32;
const MAX_TIMER_MS = 2 ** 31 - 1; // setTimeout's bound

/** @throws {AuditError} `invalid-option`, naming the option; never with anything of the key. */
export function resolveCheckpointOptions(
  path: string,
  options: CheckpointOptions,
): ResolvedCheckpointOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalid(path, 'must be { origin, key, … }');
  }
  const unknown = Object.keys(options).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) {
    throw invalid(`${path}.${unknown}`, `is not known; there are ${KNOWN.join(', ')}`);
  }
  const { origin, key, everyRecords = 65_536, everyMs = 60_000, onCheckpoint } = options;
  if (typeof origin !== 'string' || !ORIGIN.test(origin) || !origin.isWellFormed()) {
    throw invalid(
      `${path}.origin`,
      'must name the log, such as audit.example.com/shop: 1 to 255 characters, no space, no +',
    );
  }
  if (onCheckpoint !== undefined && typeof onCheckpoint !== 'function') {
    throw invalid(`${path}.onCheckpoint`, 'must be a function');
  }
  return {
    origin,
    key: readKey(`${path}.key`, key),
    everyRecords: requireCount(`${path}.everyRecords`, everyRecords, MAX_RECORDS),
    everyMs: requireCount(`${path}.everyMs`, everyMs, MAX_TIMER_MS),
    onCheckpoint,
  };
}

function readKey(path: string, key: CheckpointKey): SigningKey {
  const { pem, source } = pemOf(path, key);
  let found: SigningKey;
  try {
    found = process.getBuiltinModule('node:crypto').createPrivateKey(pem);
  } catch {
    // The parser's own message says nothing that helps.
    throw invalid(path, `${source} is no private key as PKCS#8 in PEM, without a passphrase`);
  }
  if (found.asymmetricKeyType === 'ed25519') return found;
  throw invalid(path, `${source} is a key of type ${found.asymmetricKeyType}; it must be Ed25519`);
}

function pemOf(
  path: string,
  key: CheckpointKey,
): { readonly pem: string; readonly source: string } {
  if (typeof key === 'string') return { pem: key, source: '(a text)' };
  const { file, env } = (key ?? {}) as { file?: unknown; env?: unknown };
  if (typeof file === 'string' && file !== '' && env === undefined) {
    return { pem: readFile(path, file), source: `(the file ${file})` };
  }
  if (typeof env === 'string' && env !== '' && file === undefined) {
    const pem = process.env[env];
    if (pem === undefined) throw invalid(path, `: the environment has no variable ${env}`);
    // Many tools keep a variable on one line.
    return { pem: pem.replaceAll('\\n', '\n'), source: `(the variable ${env})` };
  }
  throw invalid(path, 'must be a private key in PEM, { file } or { env }');
}

function readFile(path: string, file: string): string {
  try {
    const { size } = fs.statSync(file);
    if (size > MAX_KEY_BYTES) throw new Error(`it has ${size} bytes, too many for a key`);
    return fs.readFileSync(file, 'latin1');
  } catch (error) {
    throw invalid(path, `: ${file} cannot be read: ${(error as Error).message}`);
  }
}

function requireCount(path: string, value: unknown, most: number): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) {
    return value as number;
  }
  throw invalid(path, `must be a whole number from 1 to ${most}, not ${String(value)}`);
}

function invalid(path: string, fault: string): AuditError {
  const space = fault.startsWith(':') ? '' : ' ';
  return new AuditError('invalid-option', `SinkSpanExporter: ${path}${space}${fault}`);
}
