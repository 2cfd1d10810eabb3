import fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Program, programs } from '../support/program.js';
import { verifyChain } from '../support/verify-chain.js';
import type { WriterInput } from './programs/writer.js';

const writer = programs('writer');
let directory: string;

beforeEach(() => {
  directory = join(fs.mkdtempSync(join(writer.folder, 'ledger-')), 'audit');
});

const start = () => writer.start({ directory, file: `${directory}.jsonl` } satisfies WriterInput);

async function record(program: Program, id: string): Promise<string> {
  program.process.stdin!.write(`${id}\n`);
  return program.line(`ack ${id} `);
}

async function finish(program: Program): Promise<void> {
  program.process.stdin!.end();
  expect([await program.end, await program.stderr]).toEqual([0, '']);
}

const ids = () => verifyChain(directory).map(({ id }) => id);
const lockFile = () => join(directory, 'lock');
const lock = () => JSON.parse(fs.readFileSync(lockFile(), 'utf8')) as Record<string, unknown>;
const setLock = (members: Record<string, unknown>) =>
  fs.writeFileSync(lockFile(), `${JSON.stringify(members)}\n`);

describe('a second writer on one ledger', () => {
  it('is refused at once while the first lives, which goes on undisturbed', async () => {
    const first = start();
    const pid = (await first.line('open')).split(' ')[1]!;
    await record(first, 'a');
    const second = start();
    const refusal = await second.line('refused');
    expect(refusal).toContain('ledger-locked');
    expect(refusal).toContain(`process ${pid}`);
    expect(await second.end).toBe(0);
    await record(first, 'b');
    await finish(first);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('takes over at once when the first was killed, and goes on with its chain', async () => {
    const first = start();
    await first.line('open');
    await record(first, 'a');
    await first.kill();
    expect(fs.existsSync(lockFile())).toBe(true);
    const second = start();
    await second.line('open');
    expect(await record(second, 'b')).toBe('ack b 2');
    await finish(second);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('takes over when the dead one’s number belongs to another process by now', async () => {
    const first = start();
    await first.line('open');
    await record(first, 'a');
    await first.kill();
    setLock({ ...lock(), pid: process.pid }); // this one lives, but did not start then
    const second = start();
    await second.line('open');
    await record(second, 'b');
    await finish(second);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('is the only one of many that start together', async () => {
    const all = Array.from({ length: 6 }, start);
    const states = await Promise.all(
      all.map((program) => Promise.race([program.line('open'), program.line('refused')])),
    );
    expect(states.filter((state) => state.startsWith('open'))).toHaveLength(1);
    await Promise.all(all.map((program) => program.process.stdin!.end()));
    await Promise.all(all.map(({ end }) => end));
  });
});

describe('a lock that another host left', () => {
  beforeEach(async () => {
    const first = start();
    await first.line('open');
    await record(first, 'a');
    await first.kill();
    setLock({ ...lock(), host: 'elsewhere', boot: 'another' });
  });

  it('is taken over when its heart has stopped, after five seconds', async () => {
    const second = start();
    await second.line('open');
    await record(second, 'b');
    await finish(second);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('is respected while its heart beats', async () => {
    let beat = 0;
    const { beat: _, ...rest } = lock();
    const heart = setInterval(() => {
      beat += 1;
      setLock({ beat: String(beat).padStart(12, '0'), ...rest });
    }, 100);
    try {
      const second = start();
      const refusal = await second.line('refused');
      expect(refusal).toContain('ledger-locked');
      expect(refusal).toContain('"elsewhere"');
      expect(await second.end).toBe(0);
    } finally {
      clearInterval(heart);
    }
    expect(ids()).toEqual(['a']);
  });
});

/** Stops a process, and waits until it does not even finish what it was about. */
async function stop({ process }: Program): Promise<void> {
  process.kill('SIGSTOP');
  const stat = `/proc/${process.pid}/stat`;
  while (fs.existsSync(stat) && !/\) T /.test(fs.readFileSync(stat, 'latin1'))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it('a writer that was stopped and taken over meanwhile acknowledges nothing more', async () => {
  const first = start();
  await first.line('open');
  await record(first, 'a');
  // A host that seems dead to another one, which takes over, and then comes back.
  await stop(first);
  setLock({ ...lock(), host: 'elsewhere', boot: 'another' });
  const second = start();
  await second.line('open');
  await record(second, 'b');
  first.process.kill('SIGCONT');
  first.process.stdin!.write('late\n');
  expect(await first.line('failed late')).toBe('failed late ledger-locked');
  await record(second, 'c');
  await finish(second);
  first.process.stdin!.end();
  await first.end;
  expect(ids()).toEqual(['a', 'b', 'c']);
});
