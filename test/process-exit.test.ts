import { describe, expect, it } from '@jest/globals';
import { onProcessExit } from '../src/process-exit.js';

describe('what runs when the process exits', () => {
  it('shares one listener, which goes with the last', () => {
    const before = process.listenerCount('exit');
    const ends = Array.from({ length: 20 }, () => onProcessExit(() => {}));
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
      onProcessExit(() => {
        ran.push('throws');
        throw new Error('boom');
      }),
      onProcessExit(() => {
        ran.push('ends');
        ends[1]!();
      }),
      onProcessExit(() => ran.push('last')),
    ];
    const listener = process.listeners('exit').find((known) => !present.has(known))!;
    listener(0);
    listener(0);
    for (const end of ends) end();
    expect(ran).toEqual(['throws', 'ends', 'last', 'throws', 'last']);
  });
});
