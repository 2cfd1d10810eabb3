import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Lock } from '../../src/ledger/lock.js';
import { diskFaults } from '../support/disk-faults.js';
import { fakeClock } from '../support/fake-clock.js';
import { buildLedgerLibrary, startLedgerChild } from '../support/ledger-child.js';
import { contentNamed, durable, keep, ledgerFolder, openLedger } from '../support/ledger-folder.js';
import { verifyChain } from '../support/verify-chain.js';

const folder = ledgerFolder();
let scripts: string;
beforeAll(() => {
  scripts = mkdtempSync(join(tmpdir(), 'ledger-lock-'));
  buildLedgerLibrary(scripts);
});
afterAll(() => rmSync(scripts, { recursive: true, force: true }));

const lockPath = () => folder.file('lock');
const idsOf = () => verifyChain(folder.path).map(({ id }) => id);
const LOCKED = expect.objectContaining({ code: 'ledger-locked' });

/** A lock as this process would hold it, with some members changed. */
function craftLock(changes: Record<string, unknown>): void {
  fs.mkdirSync(folder.path, { recursive: true });
  const lock = Lock.acquireSync(folder.path);
  const holder = JSON.parse(fs.readFileSync(lockPath(), 'utf8'));
  lock.release();
  fs.writeFileSync(lockPath(), `${JSON.stringify({ ...holder, token: 'other', ...changes })}\n`);
}

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

const onLinux = process.platform === 'linux' ? it : it.skip;

describe('a ledger that is open', () => {
  it('is refused to a second writer in the same process, at once, and named', async () => {
    const { ledger } = folder.open();
    await keep(ledger, 'a');
    expect(() => folder.open()).toThrow(LOCKED);
    expect(() => folder.open()).toThrow(new RegExp(`process ${process.pid} on host .*slots: true`));
    await keep(ledger, 'b');
    await ledger.close();
    expect(fs.existsSync(lockPath())).toBe(false);
    await keep(folder.open().ledger, 'c');
    expect(idsOf()).toEqual(['a', 'b', 'c']);
  });

  it('is refused in the same process though the system tells nothing of processes', () => {
    const read = fs.readFileSync;
    const spy = jest.spyOn(fs, 'readFileSync').mockImplementation(((path: string, ...rest: []) => {
      if (String(path).startsWith('/proc/')) throw new Error('this is not Linux');
      return read(path, ...rest);
    }) as typeof fs.readFileSync);
    try {
      folder.open();
      expect(() => folder.open()).toThrow(LOCKED);
    } finally {
      spy.mockRestore();
    }
  });

  onLinux(
    'is refused to another process while its holder lives, and taken over once it is dead',
    async () => {
      const child = await startLedgerChild(
        scripts,
        folder.path,
        `const ledger = open();
       await durable(ledger, append(ledger, 'a'));
       setInterval(() => {}, 1000);
       ready();`,
      );
      expect(() => folder.open()).toThrow(new RegExp(`process ${child.pid} `));
      expect(Lock.tryAcquireSync(folder.path)).toBeUndefined();
      await child.kill();
      const { ledger } = folder.open();
      await keep(ledger, 'b');
      expect(ledger.segments).toEqual([1, 2]); // late lines of the dead one would be superseded
      expect(idsOf()).toEqual(['a', 'b']);
    },
  );

  onLinux('is refused to a thread of the process that holds it', async () => {
    const child = await startLedgerChild(
      scripts,
      folder.path,
      `if (isMainThread) new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
       else { open(); setInterval(() => {}, 1000); ready(); }`,
    );
    expect(() => folder.open()).toThrow(/thread 1, which is alive/);
    await child.kill();
    await folder.open().ledger.close();
  });
});

describe('a lock that was left behind', () => {
  onLinux('by a dead process of this start of the machine is taken over at once', async () => {
    craftLock({ pid: await deadPid() });
    const lock = Lock.tryAcquireSync(folder.path);
    expect(lock?.takenOver).toBe(true);
    expect(fs.readdirSync(folder.path)).toEqual(['lock']);
    lock?.release();
  });

  onLinux('by a process whose pid went to another is taken over at once', () => {
    craftLock({ startTime: '1' });
    const lock = Lock.tryAcquireSync(folder.path);
    expect(lock?.takenOver).toBe(true);
    lock?.release();
  });

  onLinux('by a zombie is taken over at once', async () => {
    // The shell becomes a program that never asks for its dead child.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(String(line));
    const stat = () => fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    while (!stat().includes(') Z ')) await new Promise((resolve) => setImmediate(resolve));
    craftLock({ pid, startTime: stat().split(') ')[1]!.split(' ')[19] });
    const lock = Lock.tryAcquireSync(folder.path);
    parent.kill('SIGKILL');
    expect(lock?.takenOver).toBe(true);
    lock?.release();
  });

  it.each([
    ['another host', { host: 'elsewhere' }],
    ['another start of the machine', { boot: 'earlier' }],
    ['another container', { pidNamespace: 'pid:[1]' }],
    ['nobody can tell whom', { pid: -1 }],
  ])('by %s is not waited for by one who tries', (_, changes) => {
    craftLock(changes);
    const sleep = jest.spyOn(Atomics, 'wait');
    expect(Lock.tryAcquireSync(folder.path)).toBeUndefined();
    expect(sleep).not.toHaveBeenCalled();
    sleep.mockRestore();
    expect(fs.readdirSync(folder.path)).toEqual(['lock']);
  });

  it.each(['', 'x', '[]', '{"pid":1}', '{"host":1}', 'null', '\0\0\0'])(
    'with the content %j is taken over after 5 s of silence',
    (text) => {
      fs.mkdirSync(folder.path, { recursive: true });
      fs.writeFileSync(lockPath(), text);
      let waited = 0;
      const sleep = jest.spyOn(Atomics, 'wait').mockImplementation(((_a, _b, _c, ms: number) => {
        waited += ms;
        return 'timed-out';
      }) as typeof Atomics.wait);
      try {
        const lock = Lock.acquireSync(folder.path);
        expect([lock.takenOver, waited]).toEqual([true, 5000]);
        lock.release();
      } finally {
        sleep.mockRestore();
      }
    },
  );

  /** Waits for a lock of another host; `during` runs at each look. */
  function waitFor(during: (look: number) => void): Lock {
    let looks = 0;
    const sleep = jest.spyOn(Atomics, 'wait').mockImplementation((() => {
      looks += 1;
      during(looks);
      return 'timed-out';
    }) as typeof Atomics.wait);
    try {
      return Lock.acquireSync(folder.path);
    } finally {
      sleep.mockRestore();
    }
  }

  it('by another host is refused while its heart beats', () => {
    craftLock({ host: 'elsewhere', beat: '000000000001' });
    const text = fs.readFileSync(lockPath(), 'utf8');
    expect(() =>
      waitFor((look) => {
        if (look === 49) fs.writeFileSync(lockPath(), text.replace('000000000001', '000000000002'));
      }),
    ).toThrow(/"elsewhere".*which is alive/);
    expect(fs.readdirSync(folder.path)).toEqual(['lock']);
  });

  it('by another host is free when that lets go in the meantime', () => {
    craftLock({ host: 'elsewhere' });
    const lock = waitFor((look) => {
      if (look === 3) fs.rmSync(lockPath());
    });
    expect([lock.takenOver, lock.isHeld()]).toEqual([false, true]);
    lock.release();
  });

  it('by another host is refused when a third takes it first', () => {
    craftLock({ host: 'elsewhere' });
    const text = fs.readFileSync(lockPath(), 'utf8');
    expect(() =>
      waitFor((look) => {
        fs.writeFileSync(
          lockPath(),
          text.replace('"other"', `"third-${look}"`).replace('elsewhere', 'third'),
        );
        if (look > 5)
          fs.writeFileSync(
            lockPath(),
            text
              .replace('"other"', '"third-5"')
              .replace('elsewhere', 'third')
              .replace('"beat":"0', `"beat":"${look % 10}`),
          );
      }),
    ).toThrow(/"third".*which is alive/);
  });

  it('by another host is taken over after five real seconds, and a new segment begins', async () => {
    const { ledger } = folder.open();
    await keep(ledger, 'a');
    await ledger.close();
    craftLock({ host: 'elsewhere' });
    const start = performance.now();
    const again = folder.open().ledger;
    expect(performance.now() - start).toBeGreaterThan(4500);
    await keep(again, 'b');
    expect(again.segments).toEqual([1, 2]);
    expect(idsOf()).toEqual(['a', 'b']);
  });
});

describe('the heartbeat', () => {
  it('changes the lock in place, once a second', () => {
    jest.useFakeTimers();
    try {
      fs.mkdirSync(folder.path);
      const lock = Lock.acquireSync(folder.path);
      const inode = fs.statSync(lockPath()).ino;
      const texts = [0, 1000, 1000].map((ms) => {
        jest.advanceTimersByTime(ms);
        return fs.readFileSync(lockPath(), 'utf8');
      });
      expect(new Set(texts).size).toBe(3);
      expect(new Set(texts.map(({ length }) => length)).size).toBe(1);
      expect(fs.statSync(lockPath()).ino).toBe(inode);
      lock.release();
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('a writer whose lock is gone', () => {
  const faults = diskFaults();
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it.each([
    ['removed', () => fs.rmSync(lockPath())],
    [
      'replaced',
      () => {
        fs.writeFileSync(`${lockPath()}.x`, '{}');
        fs.renameSync(`${lockPath()}.x`, lockPath());
      },
    ],
  ])('because it was %s acknowledges nothing, says so and stops', async (_, take) => {
    const { ledger, told } = folder.open();
    await keep(ledger, 'a');
    take();
    const before = folder.content();
    const waiting = ['b', 'c'].map((id) => durable(ledger, ledger.append(contentNamed(id))));
    for (const promise of waiting)
      await expect(promise).rejects.toMatchObject({ code: 'ledger-locked' });
    expect(told.failed).toEqual([LOCKED]);
    expect(told.lost.map(({ id }) => id)).toEqual(['b', 'c']);
    expect(() => ledger.append(contentNamed('d'))).toThrow(LOCKED);
    expect(ledger.trouble?.message).toContain('restart the process');
    await expect(durable(ledger, 1)).resolves.toBeUndefined();
    await ledger.close();
    expect(folder.content()).toEqual(before); // nothing of it was written, and no lock of others removed
  });

  it('while a sync runs does not acknowledge what it covered', async () => {
    const { ledger, told } = folder.open();
    await keep(ledger, 'a');
    faults.holdSyncs = true;
    const refused = durable(ledger, ledger.append(contentNamed('b', 'x'.repeat(100_000))));
    await turn();
    fs.rmSync(lockPath());
    faults.finishSyncs();
    await expect(refused).rejects.toMatchObject({ code: 'ledger-locked' });
    expect(told.lost.map(({ id }) => id)).toEqual(['b']);
  });

  it('does not write over the records of the next one', async () => {
    const { ledger } = folder.open();
    await keep(ledger, 'a');
    fs.rmSync(lockPath());
    const next = folder.open().ledger;
    await keep(next, 'b');
    await expect(durable(ledger, ledger.append(contentNamed('late')))).rejects.toMatchObject({
      code: 'ledger-locked',
    });
    await ledger.close();
    await keep(next, 'c');
    expect(idsOf()).toEqual(['a', 'b', 'c']);
    expect(fs.existsSync(lockPath())).toBe(true);
  });

  it('does not move a segment of the next one away', async () => {
    const { ledger, clock } = folder.open({ maxSegmentBytes: 1 });
    await keep(ledger, 'a');
    faults.write = Object.assign(new Error('EIO'), { code: 'EIO' });
    const refused = durable(ledger, ledger.append(contentNamed('late')));
    await turn();
    faults.heal();
    fs.rmSync(lockPath());
    const next = folder.open({ maxSegmentBytes: 1 }).ledger;
    await keep(next, 'b');
    clock.advance(5000); // it would begin anew at record 2
    await expect(refused).rejects.toMatchObject({ code: 'ledger-locked' });
    await keep(next, 'c');
    expect(idsOf()).toEqual(['a', 'b', 'c']);
  });

  it('says so once, though that shows as it is closed', async () => {
    const { ledger, told } = folder.open();
    await keep(ledger, 'a');
    fs.rmSync(lockPath());
    ledger.append(contentNamed('b'));
    await ledger.close();
    expect(told.failed).toEqual([LOCKED]);
    expect(told.lost.map(({ id }) => id)).toEqual(['b']);
  });

  it('leaves no file open', () => {
    fs.mkdirSync(folder.path, { recursive: true });
    const told = { noted: [], failed: [], lost: [] };
    const probe = () => {
      const fd = fs.openSync('/dev/null', 'r');
      fs.closeSync(fd);
      return fd;
    };
    const before = probe();
    for (let n = 0; n < 5; n += 1) {
      const lock = Lock.acquireSync(folder.path);
      expect(Lock.tryAcquireSync(folder.path)).toBeUndefined();
      expect(() => openLedger(folder.path, {}, fakeClock(), told)).toThrow(LOCKED);
      lock.release();
    }
    expect(probe()).toBe(before);
  });
});
