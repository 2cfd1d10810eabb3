import { describe, expect, it } from '@jest/globals';
import { Outside } from '../../src/delivery/outside.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('what is awaited from outside', () => {
  it('is heard as it comes', async () => {
    const outside = new Outside();
    await expect(outside.hear(Promise.resolve(7))).resolves.toBe(7);
    await expect(outside.hear(Promise.reject(new Error('EIO')))).rejects.toThrow('EIO');
  });

  it('is not heard once it is given up, be it good or bad', async () => {
    const outside = new Outside();
    const heard: string[] = [];
    let store: (() => void) | undefined;
    let fail: ((error: Error) => void) | undefined;
    const works = [
      new Promise<void>((resolve) => (store = resolve)),
      new Promise<void>((_, reject) => (fail = reject)),
    ];
    for (const work of works) {
      outside.hear(work).then(
        () => heard.push('stored'),
        () => heard.push('failed'),
      );
    }
    outside.giveUp();
    store?.();
    fail?.(new Error('EIO')); // nor does it become an unhandled rejection
    await turn();
    expect(heard).toEqual([]);
  });
});
