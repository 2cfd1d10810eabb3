import { describe, expect, it } from '@jest/globals';
import { whenProcessExits } from '../src/process-exit.js';

describe('what runs when the process exits', () => {
  it('shares one listener, which goes with the last', () => {
    const before = process.listenerCount('exit');
    const ends = Array.from({ length: 20 }, () => whenProcessExits(() => {}));
    expect(process.listenerCount('exit')).toBe(before + 1);
    for (const end of ends) end();
    expect(process.listenerCount('exit')).toBe(before);
    ends[0]!();
    expect(process.listenerCount('exit')).toBe(before);
  });

  it('runs though another throws, and though one takes itself back', () => {
    const present = new Set(process.listeners('exit'));
    const ran: string[] = [];
    const ends = [
      whenProcessExits(() => {
        ran.push('throws');
        throw new Error('boom');
      }),
      whenProcessExits(() => {
        ran.push('ends');
        ends[1]!();
      }),
      whenProcessExits(() => ran.push('last')),
    ];
    const listener = process.listeners('exit').find((known) => !present.has(known))!;
    listener(0);
    listener(0);
    for (const end of ends) end();
    expect(ran).toEqual(['last', 'ends', 'throws', 'last', 'throws']);
  });
});
