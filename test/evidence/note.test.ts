import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkSignature, type Note, parseNote, signNote } from '../../src/evidence/note.js';
import { readPublicKey } from '../../src/evidence/public-key.js';
import { verifierKey } from '../../src/evidence/verifier-key.js';

/** From the tests of Go's golang.org/x/mod/sumdb/note. */
const NEUMANN = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const NEUMANN_SECRET = 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const TEXT =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n";
const NOTE = `${TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;

/** A real head of Go's checksum database, from the same tests. */
const GO_SUM = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8';

const pkcs8 = (seed: Buffer) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  });

const pem = (key: KeyObject) =>
  key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }) as string;

const check = (note: string, key: string, name = 'x') =>
  checkSignature(parseNote(note) as Note, readPublicKey('key', key), name);

describe('signed notes', () => {
  it("are signed as Go's are, byte for byte", () => {
    const key = pkcs8(Buffer.from(NEUMANN_SECRET, 'base64').subarray(1));
    expect(signNote(TEXT, 'PeterNeumann', key)).toBe(NOTE);
    expect(verifierKey('PeterNeumann', pem(key))).toBe(NEUMANN);
  });

  it("are read as Go's are", () => {
    expect(parseNote(NOTE)?.text).toBe(TEXT);
    expect(check(NOTE, NEUMANN)).toBe('valid');
    expect(check(NOTE, GO_SUM)).toBe('unknown');
    expect(check(NOTE.replace('answer', 'Answer'), NEUMANN)).toBe('invalid');
    expect(check(NOTE.replace('x08go/Z', 'x08go/Y'), NEUMANN)).toBe('invalid');
  });

  it('may hold empty lines and signatures of others', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const text = 'one\n\ntwo\n';
    const note = signNote(text, 'log.example/a', privateKey);
    const both = `${note}${NOTE.slice(NOTE.indexOf('—'))}`;
    expect(parseNote(both)).toMatchObject({ text, signatures: [{ name: 'log.example/a' }, {}] });
    expect(check(both, pem(publicKey), 'log.example/a')).toBe('valid');
    expect(check(both, pem(publicKey), 'log.example/b')).toBe('unknown');
    expect(check(both, verifierKey('log.example/a', pem(publicKey)), 'any')).toBe('valid');
  });

  it.each([
    ['nothing', ''],
    ['no signature', TEXT],
    ['no signature after the blank line', `${TEXT}\n`],
    ['no line feed at the end', NOTE.slice(0, -1)],
    ['a carriage return', NOTE.replace('problem,\n', 'problem,\r\n')],
    ['two hyphens for the dash', NOTE.replace('— ', '-- ')],
    ['a name with a plus', NOTE.replace('— PeterNeumann', '— Peter+Neumann')],
    ['a name with a space of another alphabet', NOTE.replace('— PeterN', '— Peter\u00a0N')],
    ['no name', NOTE.replace('— PeterNeumann', '— ')],
    ['Base64 of too few bytes', `${TEXT}\n— PeterNeumann x08goA==\n`],
    ['Base64 that is none', NOTE.replace('x08go/', 'x08go!')],
    ['101 signatures', `${TEXT}\n${NOTE.slice(NOTE.indexOf('—')).repeat(101)}`],
    ['more than a mebibyte', `${'x'.repeat(2 ** 20)}\n${NOTE}`],
  ])('are refused with %s', (_, note) => {
    expect(parseNote(note)).toBeUndefined();
  });

  it('are what anything else is not, and nothing breaks on it', () => {
    fc.assert(
      fc.property(fc.nat(NOTE.length - 1), fc.string(), (at, text) => {
        const changed = NOTE.slice(0, at) + text + NOTE.slice(at + 1);
        const note = parseNote(changed);
        const verdict = note && checkSignature(note, readPublicKey('key', NEUMANN), '');
        expect(verdict === 'valid').toBe(
          note?.text === TEXT && changed.startsWith(NOTE.slice(0, -1)),
        );
      }),
    );
  });
});

describe('a verifier key', () => {
  it('is refused with any change', () => {
    const read = (key: string) => () => readPublicKey('option', key);
    expect(readPublicKey('option', NEUMANN).name).toBe('PeterNeumann');
    for (let n = 0; n < NEUMANN.length; n += 1) {
      const next = String.fromCharCode(NEUMANN.charCodeAt(n) + 1);
      expect(read(NEUMANN.slice(0, n) + next + NEUMANN.slice(n + 1))).toThrow('option must be');
      expect(read(NEUMANN.slice(0, n) + NEUMANN.slice(n + 1))).toThrow('option must be');
    }
    // Of the wrong length and of an unknown algorithm, with key ids that fit; from the tests of Go's.
    for (const key of [
      'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
      'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    ]) {
      expect(read(key)).toThrow('option must be');
    }
  });

  it('is no private key and no key of another kind', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(() => readPublicKey('option', pem(privateKey))).toThrow('option is a private key');
    expect(() => readPublicKey('option', pem(ec.publicKey))).toThrow('must be an Ed25519 key');
    expect(() => verifierKey('a b', NEUMANN)).toThrow('no space');
    expect(() => verifierKey('ab', 'x')).toThrow('must be an Ed25519 key');
  });
});
