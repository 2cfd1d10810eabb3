import { AuditError } from '../errors.js';
import { isKeyName } from './note.js';
import { verifierKeyOf } from './public-key.js';

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
  return verifierKeyOf('verifierKey: key', name, key);
}
