import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  type CheckpointOptions,
  resolveCheckpointOptions,
} from '../../src/ledger/checkpoint-options.js';
import { resolveLedgerOptions } from '../../src/ledger/options.js';
import { signingKey } from '../support/signing-key.js';

const key = signingKey().secret;
const folder = fs.mkdtempSync(join(tmpdir(), 'key-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));
const written = (name: string, text: string) => {
  const file = join(folder, name);
  fs.writeFileSync(file, text);
  return file;
};
const keyOf = (given: unknown) => resolve({ origin: 'a', key: given }).key as KeyObject;
const resolve = (options: unknown) =>
  resolveCheckpointOptions('ledger.checkpoint', options as CheckpointOptions);

describe('the options of checkpoints', () => {
  it('have defaults', () => {
    expect(resolve({ origin: 'audit.example/shop', key })).toMatchObject({
      origin: 'audit.example/shop',
      everyRecords: 65_536,
      everyMs: 60_000,
      onCheckpoint: undefined,
    });
  });

  it('take the key as it is, from a file and from the environment', () => {
    const expected = keyOf(key);
    const file = written('key.pem', key);
    expect(keyOf({ file }).equals(expected)).toBe(true);
    process.env.AUDIT_TEST_KEY = key;
    expect(keyOf({ env: 'AUDIT_TEST_KEY' }).equals(expected)).toBe(true);
    process.env.AUDIT_TEST_KEY = key.replaceAll('\n', '\\n');
    expect(keyOf({ env: 'AUDIT_TEST_KEY' }).equals(expected)).toBe(true);
    delete process.env.AUDIT_TEST_KEY;
  });

  it('are a part of the ledger’s, and never show the key', () => {
    const options = resolveLedgerOptions('ledger', {
      directory: 'audit',
      checkpoint: { origin: 'a', key },
    });
    const secret = key.split('\n')[1]!;
    for (const text of [inspect(options, { depth: 9 }), JSON.stringify(options), String(options)]) {
      expect(text).not.toContain(secret.slice(0, 20));
    }
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  it.each<[unknown, string]>([
    [null, 'ledger.checkpoint must be'],
    [{ origin: 'a', key, every: 1 }, 'ledger.checkpoint.every is not known'],
    [{ key }, 'ledger.checkpoint.origin must name the log'],
    [{ origin: 'a b', key }, 'ledger.checkpoint.origin'],
    [{ origin: 'a+b', key }, 'ledger.checkpoint.origin'],
    [{ origin: 'a\n5', key }, 'ledger.checkpoint.origin'],
    [{ origin: 'x'.repeat(256), key }, 'ledger.checkpoint.origin'],
    [{ origin: 'a' }, 'ledger.checkpoint.key must be a private key in PEM, { file } or { env }'],
    [{ origin: 'a', key: { file: 'x', env: 'y' } }, 'ledger.checkpoint.key must be'],
    [{ origin: 'a', key: 'SECRET' }, 'ledger.checkpoint.key (a text) is no private key'],
    [{ origin: 'a', key: signingKey().public }, 'is no private key'],
    [
      { origin: 'a', key: rsa.export({ format: 'pem', type: 'pkcs8' }) },
      'is a key of type rsa; it must be Ed25519',
    ],
    [{ origin: 'a', key: { file: join(folder, 'none') } }, 'none cannot be read: ENOENT'],
    [{ origin: 'a', key: { file: written('large', 'x'.repeat(70_000)) } }, 'too many for a key'],
    [{ origin: 'a', key: { env: 'AUDIT_NO_SUCH' } }, 'has no variable AUDIT_NO_SUCH'],
    [
      { origin: 'a', key, everyRecords: 0 },
      'ledger.checkpoint.everyRecords must be a whole number',
    ],
    [{ origin: 'a', key, everyMs: 2 ** 31 }, 'ledger.checkpoint.everyMs must be a whole number'],
    [{ origin: 'a', key, onCheckpoint: 1 }, 'ledger.checkpoint.onCheckpoint must be a function'],
  ])(
    'are refused where they are wrong (%#), and the message names the option',
    (given, message) => {
      let error: unknown;
      try {
        resolve(given);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({
        code: 'invalid-option',
        message: expect.stringContaining(message),
      });
      expect(String(error)).not.toContain('SECRET');
    },
  );
});
