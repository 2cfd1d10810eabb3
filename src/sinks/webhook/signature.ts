import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { invalidOption, requireMembers, show } from '../../http/options.js';
import type { Message } from './message.js';

/** Flipt's: HMAC-SHA256 of the body in lower-case hexadecimal. */
export const FLIPT_SIGNATURE = 'x-flipt-webhook-signature';
// Those of the Standard Webhooks specification.
export const WEBHOOK_ID = 'webhook-id';
export const WEBHOOK_TIMESTAMP = 'webhook-timestamp';
export const WEBHOOK_SIGNATURE = 'webhook-signature';

/** Headers that no option may set. */
export const SIGNED: readonly string[] = [
  FLIPT_SIGNATURE,
  WEBHOOK_ID,
  WEBHOOK_TIMESTAMP,
  WEBHOOK_SIGNATURE,
];

/** Keys to sign or to verify with. */
export interface SigningKeys {
  readonly flipt: readonly KeyObject[];
  readonly standard: readonly KeyObject[];
}

/** The headers of a message that is sent now, each name followed by its value. */
export function signMessage(message: Message, keys: SigningKeys, nowMs: number): string[] {
  const { id, body } = message;
  const timestamp = String(Math.floor(nowMs / 1000));
  const headers = [WEBHOOK_ID, id, WEBHOOK_TIMESTAMP, timestamp];
  for (const key of keys.flipt) headers.push(FLIPT_SIGNATURE, fliptHmac(key, body).toString('hex'));
  if (keys.standard.length > 0) {
    const signatures = keys.standard.map(
      (key) => `v1,${standardHmac(key, id, timestamp, body).toString('base64')}`,
    );
    headers.push(WEBHOOK_SIGNATURE, signatures.join(' '));
  }
  return headers;
}

export function fliptHmac(key: KeyObject, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(body).digest();
}

/** Over `id.timestamp.body`. */
export function standardHmac(
  key: KeyObject,
  id: string,
  timestamp: string,
  body: Uint8Array,
): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
}

/** @throws {AuditError} `invalid-option`, without the value. */
export function requireFliptKey(path: string, secret: unknown): KeyObject {
  if (typeof secret === 'string' && secret !== '') return createSecretKey(Buffer.from(secret));
  const what = typeof secret === 'string' ? 'an empty one' : show(secret);
  throw invalidOption(path, `must be a string, not ${what}; leave it out where nothing is signed`);
}

/**
 * The keys of `{ secrets: ['whsec_…'] }`; none where the option is absent.
 *
 * @throws {AuditError} `invalid-option`, without the values.
 */
export function requireStandardKeys(path: string, option: unknown): KeyObject[] {
  if (option === undefined) return [];
  const { secrets } = requireMembers(path, option as { secrets: unknown }, ['secrets']);
  if (!Array.isArray(secrets) || secrets.length === 0) {
    throw invalidOption(`${path}.secrets`, 'must be an array with a secret at least');
  }
  return secrets.map((secret: unknown, index) => {
    const key = typeof secret === 'string' ? decodeSecret(secret) : undefined;
    if (key !== undefined) return createSecretKey(key);
    throw invalidOption(`${path}.secrets[${index}]`, 'must be whsec_ and a key in base64');
  });
}

const PREFIX = 'whsec_';

/** Node's decoder skips what is no base64: a mistyped secret would become another key, unseen. */
function decodeSecret(secret: string): Buffer | undefined {
  // The specification's own libraries take a secret without its prefix as well.
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const key = Buffer.from(text, 'base64');
  const bare = (base64: string) => base64.replace(/=+$/, '');
  return key.length > 0 && bare(key.toString('base64')) === bare(text) ? key : undefined;
}
