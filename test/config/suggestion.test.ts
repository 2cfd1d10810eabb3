import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../src/config/suggestion.js';

const words = ['events', 'sinks', 'buffer', 'ledger', 'maxBatch', 'url', 'signing_secret'];

describe('what was most likely meant', () => {
  it.each([
    ['event', 'events'],
    ['snks', 'sinks'],
    ['isnks', 'sinks'],
    ['lodger', 'ledger'],
    ['max_batch', 'maxBatch'],
    ['MAX-BATCH', 'maxBatch'],
    ['signingSecret', 'signing_secret'],
    ['ulr', 'url'],
  ])('by %s is %s', (given, meant) => {
    expect(nearest(given, words)).toBe(meant);
  });

  it.each(['', 'xyzzy', 'log', 'x'.repeat(100_000)])('by something else is nothing', (given) => {
    expect(nearest(given, words)).toBeUndefined();
  });
});
