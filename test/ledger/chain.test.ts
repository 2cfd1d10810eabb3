import { describe, expect, it } from '@jest/globals';
import { Chain, findLaterRecord } from '../../src/ledger/chain.js';
import { hashOf, lineOf, NO_HASH } from '../../src/ledger/record.js';
import { contentNamed } from '../support/ledger-folder.js';

const hash = 'a'.repeat(64);
const line = (sequence: number, previousHash: string, payload?: unknown) =>
  lineOf({
    sequence,
    previousHash,
    recordedAt: '2026-01-31T12:00:00.000Z',
    hash: '',
    content: contentNamed(`id-${sequence}`, payload),
    bytes: 0,
  });
const find = (rest: string) => findLaterRecord(Buffer.from(rest), new Chain(5, hash));

describe('what follows the last good line', () => {
  it('is a torn tail while it is a beginning of the next record', () => {
    for (const whole = line(5, hash), ends = [...whole].keys(); ; ) {
      const { value, done } = ends.next();
      if (done) break;
      expect(find(whole.slice(0, value))).toBeUndefined();
    }
    expect(find('\0'.repeat(500))).toBeUndefined();
  });

  it('is a torn tail though the payload in it looks like a record', () => {
    const forged = { seq: 99, prev: hash, at: 'x' };
    const text = line(5, hash, [forged, { deep: forged }]);
    expect(text).toContain('{"seq":99,"prev":"');
    expect(find(text.slice(0, -5))).toBeUndefined();
  });

  it('is damage when another record begins in it', () => {
    expect(find(`garbage\n${line(6, hash)}`)).toBe(6);
    expect(find(line(6, hash))).toBe(6);
    expect(find(line(5, NO_HASH))).toBe(5);
  });

  it('is damage when only the line end between two records was altered', () => {
    const first = line(5, hash);
    expect(find(`${first}X${line(6, hashOf(Buffer.from(first)))}\n`)).toBe(6);
  });

  it('is no damage when an older record stands in it', () => {
    expect(find(`garbage\n${line(4, hash)}`)).toBeUndefined();
  });
});

describe('the chain', () => {
  it('says which of number and hash does not fit', () => {
    const take = (text: string) => new Chain(5, hash).take(Buffer.from(text), 0, text.length);
    expect(take(line(5, hash))).toBeUndefined();
    expect(take(line(6, hash))).toBe('is not record 5');
    expect(take(line(5, NO_HASH))).toContain('does not carry the hash of record 4');
  });
});
