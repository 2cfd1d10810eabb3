import { describe, expect, it } from '@jest/globals';
import { SinkError } from '../../src/sink.js';
import { laneParts, recordOf, turn } from './lane-parts.js';

const records = [1, 2, 3].map(recordOf);
const sequencesOf = (left: readonly { readonly sequence: number }[]) =>
  left.map(({ sequence }) => sequence);

describe('an attempt', () => {
  it('that is stored leaves nothing', async () => {
    const { attempts, farSide, told } = laneParts();
    const { left, failure } = await attempts.make(records, 1, undefined);
    expect([left, failure, farSide.gotThrough, told]).toEqual([[], undefined, 1, ['delivered 3']]);
  });

  it('that fails leaves all of it, and says why', async () => {
    const { attempts, farSide, state, told } = laneParts();
    state.answer = () => {
      throw new SinkError('sink', 'bad token');
    };
    const { left, failure } = await attempts.make(records, 1, undefined);
    expect(sequencesOf(left)).toEqual([1, 2, 3]);
    expect(failure).toMatchObject({ isHung: false, verdict: { fault: 'sink' } });
    expect([farSide.gotThrough, told]).toEqual([0, []]);
  });

  it('that fails in part got through, and leaves that part', async () => {
    const { attempts, farSide, state, told } = laneParts();
    state.answer = () => {
      throw new SinkError('transient', 'throttled', { failed: [2] });
    };
    const { left, failure } = await attempts.make(records, 1, undefined);
    expect([sequencesOf(left), failure?.verdict.fault]).toEqual([[3], 'transient']);
    expect([farSide.gotThrough, told]).toEqual([1, ['delivered 2']]);
  });

  it('that fails in no part is stored', async () => {
    const { attempts, state, told } = laneParts();
    state.answer = () => {
      throw new SinkError('transient', 'a warning', { failed: [] });
    };
    const { left, failure } = await attempts.make(records, 1, undefined);
    expect([left, failure, told]).toEqual([[], undefined, ['delivered 3']]);
  });

  it('that hangs is given up without a ledger, and not before', async () => {
    const { attempts, clock, state } = laneParts({ hasLedger: false });
    state.answer = () => new Promise(() => {});
    let isOver = false;
    const outcome = attempts.make(records, 1, undefined).finally(() => {
      isOver = true;
    });
    clock.advance(5 * 60_000 - 1);
    await turn();
    expect(isOver).toBe(false);
    clock.advance(1);
    const { left, failure } = await outcome;
    expect([sequencesOf(left), failure?.isHung]).toEqual([[1, 2, 3], true]);
  });

  it('is aborted by the end, and what it says then still counts', async () => {
    const { attempts, state, told } = laneParts();
    state.answer = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new SinkError('transient', 'half', { failed: [1] }));
        });
      });
    const outcome = attempts.make(records, 1, undefined);
    attempts.end(new Error('stopped'));
    expect(attempts.areOver).toBe(true);
    expect(sequencesOf((await outcome).left)).toEqual([2]);
    expect(told).toEqual(['delivered 2']);
  });

  it('that is given up moves nothing, whatever it says later', async () => {
    const { attempts, farSide, outside, state, told } = laneParts();
    let store: (() => void) | undefined;
    state.answer = () => new Promise<void>((resolve) => (store = resolve));
    let isOver = false;
    void attempts.make(records, 1, undefined).then(() => {
      isOver = true;
    });
    await turn();
    outside.giveUp();
    store?.();
    await turn();
    expect([isOver, farSide.gotThrough, told]).toEqual([false, 0, []]);
  });
});
