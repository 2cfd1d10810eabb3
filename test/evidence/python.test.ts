import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { verifyLedger } from '../../src/evidence/verify.js';
import { codeBlocks } from '../package/markdown.js';
import { checkpointFolder, ids } from '../support/checkpoint-rig.js';
import { keep } from '../support/ledger-folder.js';

const found = (command: string) => spawnSync(command, ['--version']).status === 0;
const hasPython = found('python3');
const hasOpenssl = spawnSync('openssl', ['version']).stdout?.toString().startsWith('OpenSSL 3');
if (process.env.CI && !(hasPython && hasOpenssl))
  throw new Error('python3 and OpenSSL 3 are missing');
const pythonIt = hasPython ? it : it.skip;
const opensslIt = hasOpenssl ? it : it.skip;

const guide = fs.readFileSync(join(process.cwd(), 'docs/evidence.md'), 'utf8');
const folder = checkpointFolder();

/** Runs the script of the guide; the note, if any, is its second argument. */
function python(note?: string): { readonly status: number | null; readonly says: string } {
  const script = folder.file('..', 'verify.py');
  fs.writeFileSync(script, codeBlocks(guide, 'python')[0]!.text);
  const file = folder.file('..', 'checkpoint');
  if (note !== undefined) fs.writeFileSync(file, note);
  const args = [script, folder.path, ...(note === undefined ? [] : [file])];
  const { status, stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8' });
  return { status, says: stdout + stderr };
}

/** A ledger of 40 records, and the note that covers all but the last five. */
async function ledgerOf40(): Promise<string> {
  const rig = folder.open();
  await keep(rig.ledger, ...ids(0, 35));
  await rig.close();
  const later = folder.openLedger();
  await keep(later.ledger, ...ids(35, 5));
  await later.ledger.close();
  return rig.published[0]!.note;
}

/** Removes the newest segments. */
function cutOff(count: number): void {
  for (const name of folder.segments().slice(-count)) fs.rmSync(folder.file(name));
}

function edit(segment: number, change: (text: string) => string): void {
  const path = folder.file(folder.segments().at(segment)!);
  fs.writeFileSync(path, change(fs.readFileSync(path, 'latin1')), 'latin1');
}

describe('the Python script of docs/evidence.md', () => {
  beforeAll(() => expect(codeBlocks(guide, 'python')).toHaveLength(1));

  pythonIt('finds a whole ledger whole (needs Python)', async () => {
    const note = await ledgerOf40();
    expect(python()).toMatchObject({ status: 0, says: expect.stringContaining('records 1 to 40') });
    expect(python(note)).toMatchObject({
      status: 0,
      says: expect.stringContaining('35 of them signed'),
    });
  });

  pythonIt('comes to the verdict that verifyLedger comes to (needs Python)', async () => {
    const note = await ledgerOf40();
    const before = folder.content();
    const damages: [string, () => void][] = [
      ['altered', () => edit(0, (text) => text.replace('"flag"', '"flog"'))],
      ['missing', () => edit(0, (text) => text.replace(/[^\n]*\n(?=[^\n]*\n$)/, ''))],
      ['doubled', () => edit(0, (text) => text.replace(/^[^\n]*\n/, '$&$&'))],
      ['doubled behind the end', () => edit(0, (text) => text.replace(/[^\n]*\n$/, '$&$&'))],
      ['reordered', () => edit(0, (text) => text.replace(/^([^\n]*\n)([^\n]*\n)/, '$2$1'))],
      ['torn', () => edit(-1, (text) => text.slice(0, -3))],
      ['torn between', () => edit(0, (text) => text.slice(0, -3))],
      ['missing segment', () => fs.rmSync(folder.file(folder.segments()[1]!))],
      ['missing first segment', () => fs.rmSync(folder.file(folder.segments()[0]!))],
      ['truncated', () => cutOff(3)],
      ['unchanged', () => {}],
    ];
    for (const [name, damage] of damages) {
      damage();
      const { ok } = await verifyLedger(folder.path, { checkpoint: note });
      expect([name, ok, python(note).status === 0]).toEqual([name, name === 'unchanged', ok]);
      for (const [file, text] of Object.entries(before)) {
        fs.writeFileSync(folder.file(file), text, 'latin1');
      }
    }
  });

  pythonIt('sees by the checkpoint what the chain alone does not show (needs Python)', async () => {
    const note = await ledgerOf40();
    cutOff(3);
    expect(python().status).toBe(0);
    expect(python(note)).toMatchObject({ status: 1, says: expect.stringContaining('signed 35') });
  });
});

describe('the shell commands of docs/evidence.md', () => {
  opensslIt('make keys that we take, and check our signatures (needs OpenSSL 3)', async () => {
    const [make, check] = codeBlocks(guide, 'sh');
    const { note } = await (async () => {
      const rig = folder.open();
      await keep(rig.ledger, 'a');
      await rig.close();
      return rig.published[0]!;
    })();
    const cwd = folder.file('..');
    const run = (text: string) => spawnSync('sh', ['-ec', text], { cwd, encoding: 'utf8' });
    expect(run(make!.text).status).toBe(0);
    fs.writeFileSync(join(cwd, 'checkpoint'), note);
    expect(run(check!.text).status).not.toBe(0); // another key
    const again = folder.open({ key: { file: join(cwd, 'audit.key') } });
    await keep(again.ledger, 'b');
    await again.close();
    fs.writeFileSync(join(cwd, 'checkpoint'), again.published[0]!.note);
    expect(run(check!.text)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/success/i),
    });
    const altered = again.published[0]!.note.replace('\n2\n', '\n3\n');
    fs.writeFileSync(join(cwd, 'checkpoint'), altered);
    expect(run(check!.text).status).not.toBe(0);
  });
});
