import { expect, it } from '@jest/globals';
import { atEndOfTurn } from '../src/turn.js';

it('the end of a turn comes after every promise that is settled, and before the next turn', async () => {
  const order: string[] = [];
  const next = new Promise<void>((resolve) => {
    setImmediate(() => {
      order.push('next turn');
      resolve();
    });
  });
  atEndOfTurn(() => order.push('end'));
  order.push('turn');
  const chain = async () => {
    for (let n = 0; n < 10; n += 1) await undefined;
    order.push('promises');
  };
  void chain();
  await next;
  expect(order).toEqual(['turn', 'promises', 'end', 'next turn']);
});
