import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { openCheckpoint } from '../../src/evidence/checkpoint.js';
import { checkpointText, parseCheckpoint } from '../../src/evidence/checkpoint-note.js';
import { leafHash, toBase64 } from '../../src/evidence/merkle.js';
import { signNote } from '../../src/evidence/note.js';
import { verifierKey } from '../../src/evidence/verifier-key.js';

/** The example of C2SP tlog-checkpoint; its key is not published. */
const EXAMPLE = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
`;
const ORIGIN = 'audit.example/shop';
const keys = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, pem: publicKey.export({ format: 'pem', type: 'spki' }) as string };
};
const ROOT = leafHash(Buffer.from('x'));

describe('a checkpoint', () => {
  it('reads as in its specification', () => {
    expect(parseCheckpoint(EXAMPLE)).toMatchObject({
      origin: 'example.com/behind-the-sofa',
      size: 20852163,
      root: 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
    });
    expect(parseCheckpoint(EXAMPLE.replace('2I=\n', '2I=\nextension\n'))?.size).toBe(20852163);
  });

  it.each([
    ['a size with a leading zero', '20852163', '020852163'],
    ['a negative size', '20852163', '-1'],
    ['a size past what can be counted', '20852163', '9999999999999999'],
    ['no size', '20852163', 'x'],
    [
      'a root of 31 bytes',
      'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
      'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==',
    ],
    ['an empty extension line', '2I=\n', '2I=\n\nx\n'],
    ['no origin', 'example.com/behind-the-sofa\n2', '\n2'],
  ])('is refused with %s', (_, from, to) => {
    expect(parseCheckpoint(EXAMPLE.replace(from, to))).toBeUndefined();
  });

  it('opens with the key that signed it, by PEM or by name, and with one of several', () => {
    const [a, b] = [keys(), keys()];
    const note = signNote(checkpointText(ORIGIN, 7, ROOT), ORIGIN, a.privateKey);
    const opened = { origin: ORIGIN, size: 7, root: toBase64(ROOT) };
    expect(openCheckpoint(note, a.pem)).toEqual(opened);
    expect(openCheckpoint(note, verifierKey(ORIGIN, a.pem))).toEqual(opened);
    expect(openCheckpoint(note, [b.pem, a.pem])).toEqual(opened);
    expect(() => openCheckpoint(note, b.pem)).toThrow('is not signed by the key that was given');
    expect(() => openCheckpoint(note.replace('\n7\n', '\n8\n'), a.pem)).toThrow('was altered');
    expect(() => openCheckpoint('x', a.pem)).toThrow('no signed checkpoint');
    expect(() => openCheckpoint(note, [])).toThrow('must be a key or an array of keys');
  });
});
