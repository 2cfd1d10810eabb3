import fs from 'node:fs';
import { type AuditEvent, createEvent } from '../../../src/index.js';

const writeSync = fs.writeSync;

/** What the test wants of this program. */
export function input<T>(): T {
  return JSON.parse(process.argv[2]!) as T;
}

/** Prints at once: what was said before a kill arrives. */
export function say(...lines: readonly string[]): void {
  if (lines.length === 0) return;
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      // The pipe is full, and Node has made it non-blocking: its reader is alive, so there will be room.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

/** The event of an id, the same whoever makes it and how often. */
export function eventNamed(id: string, textLength = id.length): AuditEvent {
  return createEvent({
    id,
    type: 'flag',
    action: 'created',
    actor: { authentication: 'token', ip: '127.0.0.1' },
    payload: { id, text: 'x'.repeat(textLength) },
    timestamp: '2026-01-31T12:00:00Z',
  });
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
