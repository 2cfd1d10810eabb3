import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type LedgerOptions, resolveLedgerOptions } from '../../src/ledger/options.js';

describe('the ledger’s options', () => {
  it('have defaults, and a path that does not move with the process', () => {
    const expected = {
      directory: resolve('audit'),
      slots: false,
      maxSegmentBytes: 64 * 2 ** 20,
      maxWaitingBytes: 64 * 2 ** 20,
      retain: {},
    };
    expect(resolveLedgerOptions('ledger', 'audit')).toEqual(expected);
    expect(resolveLedgerOptions('ledger', { directory: 'audit' })).toEqual(expected);
  });

  it('are taken as given', () => {
    const given = {
      directory: resolve('x'),
      slots: true,
      maxSegmentBytes: 1024,
      maxWaitingBytes: 0,
      retain: { maxAgeMs: 0, maxBytes: 5 },
    };
    expect(resolveLedgerOptions('ledger', given)).toEqual(given);
  });

  it.each([
    [null, 'ledger must be'],
    [5, 'ledger must be'],
    ['', 'ledger.directory'],
    ['a\0b', 'ledger.directory'],
    [{}, 'ledger.directory'],
    [{ directory: 5 }, 'ledger.directory'],
    [{ directory: 'a', slot: true }, 'ledger.slot is not known'],
    [{ directory: 'a', slots: 'yes' }, 'ledger.slots'],
    [
      { directory: 'a', maxSegmentBytes: 1023 },
      'ledger.maxSegmentBytes must be a number of at least 1024',
    ],
    [{ directory: 'a', maxSegmentBytes: Number.NaN }, 'ledger.maxSegmentBytes'],
    [{ directory: 'a', maxWaitingBytes: -1 }, 'ledger.maxWaitingBytes'],
    [{ directory: 'a', maxWaitingBytes: '1' }, 'ledger.maxWaitingBytes'],
    [{ directory: 'a', retain: null }, 'ledger.retain must be'],
    [{ directory: 'a', retain: { maxAge: 1 } }, 'ledger.retain.maxAge is not known'],
    [{ directory: 'a', retain: { maxAgeMs: -1 } }, 'ledger.retain.maxAgeMs'],
    [{ directory: 'a', retain: { maxBytes: Number.POSITIVE_INFINITY } }, 'ledger.retain.maxBytes'],
  ])('%j are refused, and the message names the option', (given, message) => {
    expect(() => resolveLedgerOptions('ledger', given as LedgerOptions)).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        message: expect.stringContaining(message),
      }),
    );
  });
});
