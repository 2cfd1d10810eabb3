import { describe, expect, it } from '@jest/globals';
import { laneParts, recordOf } from './lane-parts.js';

const doom = { reason: 'too long', cause: new Error('too long') };

describe('an event that is not to be tried again', () => {
  it('becomes a dead letter, and only then is done with', async () => {
    const { burial, report, retryTime, state, told } = laneParts();
    state.deadFault = new Error('disk full');
    expect(await burial.bury(recordOf(7), doom, 3, retryTime)).toBe(false);
    expect(report.worstTrouble?.kind).toBe('dead-letter');
    expect([retryTime.at, retryTime.isFailing]).toEqual([1000, true]);
    state.deadFault = undefined;
    expect(await burial.bury(recordOf(7), doom, 3, retryTime)).toBe(true);
    expect(report.worstTrouble).toBeUndefined();
    expect(retryTime.isFailing).toBe(false);
    expect(told).toEqual([
      'trouble sink siem: a dead letter could not be kept: disk full',
      'dead 7: too long',
    ]);
  });

  it('is lost without a ledger', async () => {
    const { burial, retryTime, told } = laneParts({ hasLedger: false });
    expect(await burial.bury(recordOf(7), doom, 3, retryTime)).toBe(true);
    expect(told).toEqual(['lost 7']);
  });
});
