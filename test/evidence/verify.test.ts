import fs from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import type { VerifyProgress } from '../../src/evidence/verify.js';
import { verifyLedger } from '../../src/evidence/verify.js';
import { readManifestSync, writeManifestSync } from '../../src/ledger/manifest.js';
import { type CheckpointRig, checkpointFolder, ids, ORIGIN } from '../support/checkpoint-rig.js';
import { keep } from '../support/ledger-folder.js';
import { signingKey } from '../support/signing-key.js';
import { verifyChain } from '../support/verify-chain.js';

const folder = checkpointFolder();
const publicKey = folder.key.public;

/** Adds records to a ledger without checkpoints, and closes it. */
async function grow(count: number): Promise<void> {
  const { ledger } = folder.openLedger({ maxSegmentBytes: 1024 });
  await keep(ledger, ...ids(ledger.newest, count));
  await ledger.close();
}

/** The same with a checkpoint over all at the end. */
async function growSigned(count: number, given = {}): Promise<CheckpointRig> {
  const rig = folder.open(given, { maxSegmentBytes: 1024 });
  await keep(rig.ledger, ...ids(rig.ledger.newest, count));
  await rig.close();
  return rig;
}

function edit(segment: number, change: (lines: string[]) => string[]): void {
  const path = folder.file(folder.segments().at(segment)!);
  const lines = fs.readFileSync(path, 'latin1').split('\n').slice(0, -1);
  const text = change(lines).map((line) => `${line}\n`);
  fs.writeFileSync(path, text.join(''), 'latin1');
}

const swap = (lines: string[], a: number, b: number) =>
  lines.map((line, n) => (n === a ? lines[b]! : n === b ? lines[a]! : line));
const forgeFirst = (lines: string[]) =>
  lines.map((line, n) => (n === 0 ? line.replace('"flag"', '"flog"') : line));
const forgeLast = (lines: string[]) => [
  ...lines.slice(0, -1),
  lines.at(-1)!.replace('"flag"', '"flog"'),
];

describe('verifyLedger without checkpoints', () => {
  it('finds nothing wrong with a whole ledger', async () => {
    await grow(10);
    const report = await verifyLedger(folder.path);
    const last = verifyChain(folder.path).at(-1)!;
    expect(report).toMatchObject({
      ok: true,
      directory: folder.path,
      stream: expect.stringMatching(/^[0-9a-f-]{36}$/),
      fault: undefined,
      faults: [],
      first: 1,
      records: 10,
      superseded: 0,
      head: { sequence: last.seq },
      root: undefined,
    });
    const next = folder.openLedger();
    await keep(next.ledger, 'another');
    expect(verifyChain(folder.path).at(-1)!.prev).toBe(report.head!.hash);
  });

  it('finds nothing wrong with one that is empty', async () => {
    await grow(0);
    expect(await verifyLedger(folder.path)).toMatchObject({
      ok: true,
      records: 0,
      head: undefined,
    });
  });

  it.each<[string, (lines: string[]) => string[], object]>([
    ['altered', (l) => l.map((s, n) => (n === 1 ? s.replace('flag', 'flog') : s)), { sequence: 2 }],
    ['missing', (l) => l.filter((_, n) => n !== 1), { sequence: 2 }],
    ['doubled', (l) => [...l.slice(0, 2), l[1]!, ...l.slice(2)], { sequence: 2, line: 3 }],
    ['reordered', (l) => swap(l, 0, 1), { sequence: 1, line: 2 }],
  ])('names a record that is %s', async (kind, change, where) => {
    await grow(10);
    edit(0, change);
    const report = await verifyLedger(folder.path);
    const file = folder.file(folder.segments()[0]!);
    expect(report.fault).toMatchObject({ kind, ...where, file });
    expect(report.ok).toBe(false);
    expect(report.fault!.explanation).toContain(`record ${report.fault!.sequence}`);
  });

  it('takes a segment that a crash left empty for none, and one cut in a line for torn', async () => {
    await grow(10);
    fs.writeFileSync(folder.file('00000000000000000011.jsonl'), '');
    expect(await verifyLedger(folder.path)).toMatchObject({ ok: true, records: 10 });
    fs.writeFileSync(folder.file('00000000000000000011.jsonl'), '{"seq":11,"pr');
    expect((await verifyLedger(folder.path)).fault).toMatchObject({ kind: 'torn', sequence: 11 });
  });

  it('does not take for missing what retention removes at that moment', async () => {
    await grow(10);
    const [first, second] = folder.segments();
    const sequence = Number(second!.slice(0, 20));
    const [line] = fs.readFileSync(folder.file(second!), 'utf8').split('\n');
    const { prev: previousHash } = JSON.parse(line!);
    const list = fs.readdirSync;
    const lists = jest.spyOn(fs, 'readdirSync').mockImplementation(((...args: [string]) => {
      // `ledger.json` was read, and the segments were not listed yet.
      if (args[0] === folder.path && fs.existsSync(folder.file(first!))) {
        const manifest = readManifestSync(folder.path)!;
        writeManifestSync(folder.path, { ...manifest, first: { sequence, previousHash } });
        fs.rmSync(folder.file(first!));
      }
      return list(...args);
    }) as typeof fs.readdirSync);
    try {
      const report = await verifyLedger(folder.path);
      expect(report).toMatchObject({ ok: true, first: sequence, records: 11 - sequence });
    } finally {
      lists.mockRestore();
    }
  });

  it('counts superseded lines and passes over them, whatever they hold', async () => {
    await grow(10);
    const [first, second] = folder.segments();
    const lines = fs.readFileSync(folder.file(second!), 'utf8').split('\n');
    fs.appendFileSync(folder.file(first!), `${lines[0]}\n\0\0\0\nhalf a li`);
    expect(await verifyLedger(folder.path)).toMatchObject({ ok: true, records: 10, superseded: 2 });
  });

  it('says what a sink has and the ledger has not', async () => {
    await grow(10);
    const { ledger } = folder.openLedger({ maxSegmentBytes: 1024 });
    await ledger.cursor('siem', 'beginning').save({ acknowledged: 10, waiting: [4] });
    await ledger.close();
    const cursors = [{ sink: 'siem', acknowledged: 10, waiting: 1 }];
    expect(await verifyLedger(folder.path)).toMatchObject({ ok: true, cursors });
    fs.rmSync(folder.file(folder.segments().at(-1)!));
    const { fault, head } = await verifyLedger(folder.path);
    expect(fault).toMatchObject({ kind: 'truncated', sequence: head!.sequence + 1 });
    expect(fault!.explanation).toContain('sink siem has acknowledged record 10');
    fs.writeFileSync(folder.file('cursors', 'siem.json'), 'x');
    expect((await verifyLedger(folder.path)).fault).toMatchObject({ kind: 'altered' });
  });

  it('names a description that is missing or damaged', async () => {
    await grow(3);
    fs.writeFileSync(folder.file('ledger.json'), '{');
    const file = folder.file('ledger.json');
    expect((await verifyLedger(folder.path)).fault).toMatchObject({ kind: 'altered', file });
    fs.rmSync(file);
    expect((await verifyLedger(folder.path)).fault).toMatchObject({ kind: 'missing', file });
  });

  it('rejects for a folder that is no ledger', async () => {
    fs.mkdirSync(folder.path);
    await expect(verifyLedger(folder.path)).rejects.toMatchObject({ code: 'ledger-unavailable' });
    await expect(verifyLedger(folder.file('none'))).rejects.toMatchObject({
      code: 'ledger-unavailable',
    });
  });

  it('refuses an option that there is not, for a key of another name would check nothing', async () => {
    await grow(1);
    for (const options of [{ publickey: 'x' }, { checkpoints: [] }, null]) {
      await expect(verifyLedger(folder.path, options as object)).rejects.toMatchObject({
        code: 'invalid-option',
      });
    }
  });

  it('tells how far it is', async () => {
    await grow(10);
    const seen: VerifyProgress[] = [];
    const { bytes } = await verifyLedger(folder.path, { onProgress: (p) => seen.push({ ...p }) });
    expect(seen.at(-1)).toMatchObject({ bytes, totalBytes: bytes });
    expect(seen.map((progress) => progress.bytes)).toEqual(
      seen.map((progress) => progress.bytes).sort((a, b) => a - b),
    );
  });

  it('computes the root of any ledger when verified in full', async () => {
    const { published } = await growSigned(9);
    fs.rmSync(folder.file('checkpoints'), { recursive: true });
    expect((await verifyLedger(folder.path, { full: true })).root).toBe(published[0]!.root);
  });
});

describe('verifyLedger beside a running writer', () => {
  it('finds nothing wrong, whatever it has just read', async () => {
    const rig = folder.open({ everyRecords: 7 }, { maxSegmentBytes: 4096 });
    const cursor = rig.ledger.cursor('siem', 'beginning');
    let isDone = false;
    const write = async () => {
      for (let n = 0; n < 60; n += 1) {
        const [newest] = (await keep(rig.ledger, ...ids(n * 5, 5))).slice(-1);
        await cursor.save({ acknowledged: newest!, waiting: [] });
      }
    };
    const writing = write().finally(() => {
      isDone = true;
    });
    let rounds = 0;
    while (!isDone) {
      const { faults } = await verifyLedger(folder.path, { publicKey, full: rounds % 2 === 0 });
      expect(faults).toEqual([]);
      rounds += 1;
      await new Promise((resolve) => setImmediate(resolve)); // an empty ledger takes no time
    }
    await writing;
    await rig.close();
    expect(rounds).toBeGreaterThan(1);
    expect(await verifyLedger(folder.path, { publicKey })).toMatchObject({
      ok: true,
      records: 300,
    });
  });

  it('waits for the end of a line that is being written', async () => {
    await grow(10);
    const path = folder.file(folder.segments().at(-1)!);
    const text = fs.readFileSync(path);
    fs.writeFileSync(folder.file('lock'), '');
    fs.writeFileSync(path, text.subarray(0, -9));
    const real = globalThis.setTimeout;
    // The rest of the line comes while it waits.
    const waits = jest.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void) => {
      fs.writeFileSync(path, text);
      return real(work, 0);
    }) as typeof setTimeout);
    try {
      expect(await verifyLedger(folder.path)).toMatchObject({ ok: true, records: 10 });
      expect(waits).toHaveBeenCalledTimes(1);
    } finally {
      waits.mockRestore();
    }
  });

  it('begins anew when retention removes what it was about to read', async () => {
    const rig = folder.openLedger({ maxSegmentBytes: 1024, retain: { maxBytes: 1 } });
    await keep(rig.ledger, ...ids(0, 20));
    let hasRetired = false;
    const report = await verifyLedger(folder.path, {
      onProgress() {
        if (!hasRetired) rig.ledger.retire(Number.POSITIVE_INFINITY);
        hasRetired = true;
      },
    });
    expect(report).toMatchObject({ ok: true, first: rig.ledger.first });
    expect(report.first).toBeGreaterThan(10);
  });
});

describe('verifyLedger with a checkpoint that was kept elsewhere', () => {
  it('sees that the end was cut off, though the folder has no checkpoint any more', async () => {
    const { published } = await growSigned(10);
    const { note } = published[0]!;
    fs.rmSync(folder.file('checkpoints'), { recursive: true });
    expect(await verifyLedger(folder.path, { checkpoint: note, publicKey })).toMatchObject({
      ok: true,
      checkpoints: [{ origin: ORIGIN, size: 10, signature: 'valid' }],
    });
    fs.rmSync(folder.file(folder.segments().at(-1)!));
    expect(await verifyLedger(folder.path)).toMatchObject({ ok: true });
    const { fault, head } = await verifyLedger(folder.path, { checkpoint: note, publicKey });
    expect(fault).toMatchObject({ kind: 'truncated', sequence: head!.sequence + 1 });
  });

  it('sees that the newest record was altered', async () => {
    const { published } = await growSigned(10);
    edit(-1, forgeLast);
    fs.rmSync(folder.file('checkpoints'), { recursive: true });
    expect(await verifyLedger(folder.path)).toMatchObject({ ok: true });
    const { fault } = await verifyLedger(folder.path, { checkpoint: published[0]!.note });
    expect(fault).toMatchObject({ kind: 'altered', sequence: 1 });
    expect(fault!.explanation).toContain('of records 1 to 10 at least one');
  });

  it('knows which record it was if the hashes are there', async () => {
    await growSigned(10);
    edit(-1, forgeLast);
    const { fault } = await verifyLedger(folder.path);
    const line = 10 - Number(folder.segments().at(-1)!.slice(0, 20)) + 1;
    const file = folder.file(folder.segments().at(-1)!);
    expect(fault).toMatchObject({ kind: 'altered', sequence: 10, file, line });
  });

  it('knows between which checkpoints it was if the hashes were altered too', async () => {
    await growSigned(6);
    const [older] = folder.checkpoints();
    const { published } = await growSigned(4);
    const note = published[0]!.note;
    const kept = fs.readFileSync(folder.file('checkpoints', older!), 'utf8');
    edit(-1, forgeLast);
    fs.rmSync(folder.file('checkpoints'), { recursive: true });
    const { fault, head } = await verifyLedger(folder.path, {
      checkpoint: [note, kept],
      publicKey,
    });
    expect(fault).toMatchObject({ kind: 'altered', sequence: 7 });
    expect(fault!.explanation).toContain('of records 7 to 10 at least one');
    expect(head).toBeUndefined();
  });

  it('refuses one that the key has not signed, and one that is none', async () => {
    const { published } = await growSigned(3);
    const other = signingKey().public;
    const wrong = await verifyLedger(folder.path, { publicKey: other });
    expect(wrong.fault).toMatchObject({
      kind: 'signature',
      file: folder.file('checkpoints', folder.checkpoints()[0]!),
    });
    const none = await verifyLedger(folder.path, { checkpoint: 'x' });
    expect(none.fault).toMatchObject({ kind: 'altered' });
    const forged = published[0]!.note.replace('\n3\n', '\n2\n');
    const altered = await verifyLedger(folder.path, { checkpoint: forged, publicKey });
    expect(altered.fault).toMatchObject({ kind: 'signature' });
    await expect(verifyLedger(folder.path, { publicKey: 'x' })).rejects.toMatchObject({
      code: 'invalid-option',
    });
  });

  it('takes those of an earlier key with both keys', async () => {
    const newer = signingKey();
    await growSigned(3);
    await growSigned(3, { key: newer.secret });
    expect(await verifyLedger(folder.path, { publicKey: [publicKey, newer.public] })).toMatchObject(
      {
        ok: true,
        checkpoints: [{ size: 3 }, { size: 6 }],
      },
    );
    expect((await verifyLedger(folder.path, { publicKey })).fault).toMatchObject({
      kind: 'signature',
    });
  });

  it('compares one whose records retention has removed by the hashes, and finds another log’s', async () => {
    const first = await growSigned(10);
    const rig = folder.open({}, { maxSegmentBytes: 1024, retain: { maxBytes: 1 } });
    await keep(rig.ledger, ...ids(10, 20));
    await rig.checkpointer.close();
    rig.ledger.retire(rig.checkpointer.covered);
    await rig.close();
    const report = await verifyLedger(folder.path, { checkpoint: first.published[0]!.note });
    expect(report).toMatchObject({ ok: true });
    expect(report.first).toBeGreaterThan(11);
    const root = rig.published[0]!.note.split('\n')[2]!;
    const forged = first.published[0]!.note.replace(first.published[0]!.root, root);
    const { fault } = await verifyLedger(folder.path, { checkpoint: forged });
    expect(fault!.explanation).toContain('does not begin with');
  });

  it('says that nothing can be compared where the hashes of removed records are gone', async () => {
    const rig = folder.open({}, { maxSegmentBytes: 1024, retain: { maxBytes: 1 } });
    await keep(rig.ledger, ...ids(0, 20));
    await rig.checkpointer.close();
    rig.ledger.retire(rig.checkpointer.covered);
    await rig.close();
    const { note } = rig.published[0]!;
    fs.rmSync(folder.file('checkpoints'), { recursive: true });
    expect(await verifyLedger(folder.path)).toMatchObject({ ok: true });
    expect((await verifyLedger(folder.path, { checkpoint: note })).fault).toMatchObject({
      kind: 'missing',
      file: folder.file('checkpoints', 'tree.json'),
    });
  });

  it('is not content with one of which nothing is left that it could be compared with', async () => {
    const { published } = await growSigned(10);
    const { note } = published[0]!;
    fs.rmSync(folder.path, { recursive: true });
    // Another ledger, which says that retention has removed what the checkpoint covers.
    const rig = folder.openLedger({ maxSegmentBytes: 1024, retain: { maxBytes: 1 } });
    await keep(rig.ledger, ...ids(100, 30));
    rig.ledger.retire(Number.POSITIVE_INFINITY);
    await rig.ledger.close();
    const { first } = rig.ledger;
    expect(first).toBeGreaterThan(11);
    fs.mkdirSync(folder.file('checkpoints'));
    const tree = { format: 1, start: first - 1 };
    fs.writeFileSync(folder.file('checkpoints', 'tree.json'), JSON.stringify(tree));
    for (const full of [false, true]) {
      const { ok, fault } = await verifyLedger(folder.path, { checkpoint: note, publicKey, full });
      expect(ok).toBe(false);
      expect(fault).toMatchObject({ kind: 'missing', file: 'the checkpoint that was handed in' });
      expect(fault!.explanation).toContain(`a record from ${first} on`);
    }
  });

  it('finds the first of several faults first', async () => {
    await growSigned(10);
    edit(2, forgeFirst);
    const path = folder.file('checkpoints', folder.checkpoints()[0]!);
    fs.appendFileSync(path, 'x');
    const { faults, fault } = await verifyLedger(folder.path, { publicKey });
    expect(fault).toMatchObject({
      kind: 'altered',
      sequence: Number(folder.segments()[2]!.slice(0, 20)),
    });
    expect(faults.slice(1)).toMatchObject([{ kind: 'altered', file: path }]);
  });
});
