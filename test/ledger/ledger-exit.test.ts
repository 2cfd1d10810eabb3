import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildLedgerLibrary, startLedgerChild } from '../support/ledger-child.js';
import { verifyChain } from '../support/verify-chain.js';

let scripts: string;
beforeAll(() => {
  scripts = mkdtempSync(join(tmpdir(), 'ledger-exit-'));
  buildLedgerLibrary(scripts);
});
afterAll(() => rmSync(scripts, { recursive: true, force: true }));

/** What a process that ran this left in its ledger, and how it ended. */
async function idsAfter(name: string, script: string) {
  const directory = join(scripts, name);
  const child = await startLedgerChild(scripts, directory, script);
  const code = await child.exit;
  return { code, ids: verifyChain(directory).map(({ id }) => id), stderr: await child.stderr };
}

describe('a process that ends', () => {
  it('by process.exit() has written what the turn recorded', async () => {
    const script = `const ledger = open(); append(ledger, 'a'); append(ledger, 'b'); process.exit(7);`;
    expect(await idsAfter('exit', script)).toEqual({ code: 7, ids: ['a', 'b'], stderr: '' });
  });

  it('by an exception has written what the turn recorded', async () => {
    const script = `const ledger = open(); setTimeout(() => { append(ledger, 'a'); throw new Error('boom'); });`;
    expect(await idsAfter('exception', script)).toMatchObject({
      code: 1,
      ids: ['a'],
      stderr: expect.stringContaining('boom'),
    });
  });

  it('by a rejection nobody handles has written what the turn recorded', async () => {
    const script = `const ledger = open(); setTimeout(async () => { append(ledger, 'a'); throw new Error('boom'); });`;
    expect(await idsAfter('rejection', script)).toMatchObject({ code: 1, ids: ['a'] });
  });

  it('by itself has written everything, and is not kept alive by a ledger', async () => {
    const script = `const ledger = open(); append(ledger, 'a'); setTimeout(() => append(ledger, 'b'), 20);`;
    expect(await idsAfter('itself', script)).toEqual({ code: 0, ids: ['a', 'b'], stderr: '' });
  });

  it('by SIGKILL keeps every turn but the last, and each wait that was told', async () => {
    const script = `
      const ledger = open();
      append(ledger, 'a');
      setImmediate(() => { append(ledger, 'b'); process.kill(process.pid, 'SIGKILL'); });`;
    expect((await idsAfter('sigkill', script)).ids).toEqual(['a']);
  });

  it('in an exit listener of its own has written what that recorded', async () => {
    const script = `process.on('exit', () => append(ledger, 'b')); const ledger = open(); append(ledger, 'a');`;
    expect((await idsAfter('listener', script)).ids).toEqual(['a', 'b']);
  });

  it('when it is told of a full disk, in the middle of a line, has written what the turn recorded', async () => {
    const script = `
      const ledger = open();
      const { writeSync } = fs;
      fs.writeSync = () => {
        fs.writeSync = writeSync;
        throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      };
      console.error = () => process.exit(7); // the observer's
      append(ledger, 'a');
      append(ledger, 'b', { text: 'x'.repeat(100_000) }); // more than the lines' buffer may need
      append(ledger, 'c');`;
    expect(await idsAfter('full', script)).toMatchObject({ code: 7, ids: ['a', 'b', 'c'] });
  });

  it('in a worker thread has written what its turn recorded', async () => {
    const script = `
      if (isMainThread) new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
      else { const ledger = open(); append(ledger, 'a'); process.exit(); }`;
    expect((await idsAfter('worker', script)).ids).toEqual(['a']);
  });
});
