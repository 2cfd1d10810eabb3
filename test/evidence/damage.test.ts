import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/clock.js';
import { Checkpointer } from '../../src/evidence/checkpointer.js';
import type { VerifyReport } from '../../src/evidence/report.js';
import { verifyLedger } from '../../src/evidence/verify.js';
import { resolveCheckpointOptions } from '../../src/ledger/checkpoint-options.js';
import { contentNamed, durable, openLedger, type Told } from '../support/ledger-folder.js';
import { signingKey } from '../support/signing-key.js';

// One small ledger with checkpoints: seven records in several segments, checkpoints over 3, 5 and all 7.
const key = signingKey();
const RECORDS = 7;
let directory = '';
/** The content of its files, by name. */
let whole: ReadonlyMap<string, Buffer>;

beforeAll(async () => {
  directory = join(fs.mkdtempSync(join(tmpdir(), 'damage-')), 'audit');
  const told: Told = { noted: [], failed: [], lost: [] };
  for (const upTo of [3, 5, RECORDS]) {
    const ledger = openLedger(directory, { maxSegmentBytes: 1024 }, systemClock, told);
    const options = resolveCheckpointOptions('x', { origin: 'audit.example/x', key: key.secret });
    const checkpointer = new Checkpointer(ledger, options, systemClock, told as never);
    while (ledger.newest < upTo) {
      // Of various lengths, so that records that change places do not fit by chance.
      const n = ledger.newest;
      await durable(ledger, ledger.append(contentNamed(`id-${n}`, { n, text: 'é'.repeat(n % 4) })));
    }
    await checkpointer.close();
    await ledger.close();
  }
  expect(told).toEqual({ noted: [], failed: [], lost: [] });
  const names = fs.readdirSync(directory, { recursive: true, withFileTypes: true });
  whole = new Map(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(directory.length + 1), fs.readFileSync(path)]),
  );
});
afterAll(() => fs.rmSync(join(directory, '..'), { recursive: true, force: true }));

/** A record and where it stands. */
interface Line {
  readonly file: string;
  readonly sequence: number;
  readonly start: number;
  /** Behind its line feed. */
  readonly end: number;
}

const isSegment = (name: string) => /^\d{20}\.jsonl$/.test(name);
const segments = () => [...whole.keys()].filter(isSegment).sort();

function lines(): Line[] {
  return segments().flatMap((file) => {
    const bytes = whole.get(file)!;
    const found: Line[] = [];
    for (let start = 0, n = Number(file.slice(0, 20)); start < bytes.length; n += 1) {
      const end = bytes.indexOf(10, start) + 1;
      found.push({ file, sequence: n, start, end });
      start = end;
    }
    return found;
  });
}

const textOf = ({ file, start, end }: Line) => whole.get(file)!.subarray(start, end);

/** Verifies the ledger while some files hold something else, or nothing. */
async function verifyWith(
  changes: Readonly<Record<string, Buffer | undefined>>,
  options = { publicKey: key.public } as Parameters<typeof verifyLedger>[1],
): Promise<VerifyReport> {
  for (const [name, bytes] of Object.entries(changes)) {
    if (bytes === undefined) fs.rmSync(join(directory, name));
    else fs.writeFileSync(join(directory, name), bytes);
  }
  try {
    return await verifyLedger(directory, options);
  } finally {
    for (const name of Object.keys(changes)) {
      fs.writeFileSync(join(directory, name), whole.get(name)!);
    }
  }
}

/** The segments of a list of records in a new order, each in the file that its place belongs to. */
function arranged(order: readonly Line[]): Record<string, Buffer> {
  const places = lines();
  const files: Record<string, Buffer[]> = Object.fromEntries(segments().map((name) => [name, []]));
  order.forEach((line, n) => {
    files[(places[n] ?? places.at(-1)!).file]!.push(textOf(line));
  });
  return Object.fromEntries(Object.entries(files).map(([n, parts]) => [n, Buffer.concat(parts)]));
}

/** The same, but every other record stays in its file. */
function inFile(file: string, order: readonly Line[]): Record<string, Buffer> {
  return { [file]: Buffer.concat(order.map(textOf)) };
}

const flipped = (bytes: Buffer, at: number, mask: number) => {
  const copy = Buffer.from(bytes);
  copy[at]! ^= mask;
  return copy;
};

describe('a ledger with checkpoints', () => {
  it('is whole before anything is done to it', async () => {
    const report = await verifyWith({});
    expect(report).toMatchObject({ ok: true, faults: [], records: RECORDS, first: 1 });
    expect(report.checkpoints.map(({ size, signature }) => [size, signature])).toEqual([
      [3, 'valid'],
      [5, 'valid'],
      [7, 'valid'],
    ]);
    const full = await verifyWith({}, { publicKey: key.public, full: true });
    expect(full).toEqual({ ...report, root: report.checkpoints[2]!.root });
    expect(segments().length).toBeGreaterThan(2);
  });

  it('with any byte of a record changed is altered in that record', async () => {
    const places = lines();
    for (const { file, sequence, start, end } of places) {
      for (let at = start; at < end; at += 1) {
        const { fault } = await verifyWith({
          [file]: flipped(whole.get(file)!, at, 1 << (at % 8)),
        });
        if (fault?.kind === 'altered' && fault.sequence === sequence) continue;
        throw new Error(`record ${sequence}, byte ${at - start}: ${JSON.stringify(fault)}`);
      }
    }
    expect(places).toHaveLength(RECORDS);
  }, 120_000);

  it('with a line feed in the midst of a record is altered in that record', async () => {
    for (const { file, sequence, start, end } of lines()) {
      for (let at = start; at < end - 1; at += 7) {
        const bytes = Buffer.from(whole.get(file)!);
        bytes[at] = 10;
        const { fault } = await verifyWith({ [file]: bytes });
        expect(fault).toMatchObject({ kind: 'altered', sequence });
      }
    }
  });

  it('with any byte of a checkpoint, a hash or the description changed names that file', async () => {
    for (const [name, bytes] of whole) {
      if (isSegment(name) || name === 'ledger.json') continue;
      for (let at = 0; at < bytes.length; at += 1) {
        const changes = { [name]: flipped(bytes, at, 1) };
        const { fault } = await verifyWith(changes, { publicKey: key.public, full: true });
        const isNamed = fault?.file === join(directory, name);
        if (isNamed && /altered|signature/.test(fault!.kind)) continue;
        throw new Error(`${name}, byte ${at}: ${JSON.stringify(fault)}`);
      }
    }
    const manifest = whole.get('ledger.json')!;
    for (let at = manifest.indexOf('"first"'); at < manifest.length; at += 1) {
      const { fault } = await verifyWith({ 'ledger.json': flipped(manifest, at, 1) });
      if (fault !== undefined) continue;
      throw new Error(`ledger.json, byte ${at}: ${String.fromCharCode(manifest[at]! ^ 1)}`);
    }
  });

  it('without a record misses that one, or ends before it', async () => {
    for (const gone of lines()) {
      const rest = lines().filter(
        ({ file, sequence }) => file === gone.file && sequence !== gone.sequence,
      );
      const { fault } = await verifyWith(inFile(gone.file, rest));
      const kind = gone.sequence === RECORDS ? 'truncated' : 'missing';
      expect(fault).toMatchObject({ kind, sequence: gone.sequence });
    }
  });

  it('without a segment misses its first record, or ends before it', async () => {
    for (const file of segments()) {
      const sequence = Number(file.slice(0, 20));
      const { fault } = await verifyWith({ [file]: undefined });
      const kind = file === segments().at(-1) ? 'truncated' : 'missing';
      expect(fault).toMatchObject({ kind, sequence });
    }
  });

  it('with any two records in each other’s place is out of order at the first of them', async () => {
    const all = lines();
    for (let a = 0; a < all.length; a += 1) {
      for (let b = a + 1; b < all.length; b += 1) {
        const order = all.map((line, n) => (n === a ? all[b]! : n === b ? all[a]! : line));
        const { fault } = await verifyWith(arranged(order));
        expect(fault).toMatchObject({ kind: 'reordered', sequence: a + 1 });
      }
    }
  });

  it('with any record moved is out of order', async () => {
    const all = lines();
    for (const moved of all) {
      for (let to = 0; to < all.length; to += 1) {
        const order = all.filter((line) => line !== moved);
        order.splice(to, 0, moved);
        if (order.every((line, n) => line === all[n])) continue;
        const { fault } = await verifyWith(arranged(order));
        expect(fault).toMatchObject({
          kind: 'reordered',
          sequence: Math.min(moved.sequence, to + 1),
        });
      }
    }
  });

  it('with any record twice names the second', async () => {
    const all = lines();
    for (const twice of all) {
      for (const behind of all.filter(({ sequence }) => sequence >= twice.sequence)) {
        const inSame = all.filter(({ file }) => file === behind.file);
        const order = inSame.flatMap((line) => (line === behind ? [line, twice] : [line]));
        const { fault } = await verifyWith(inFile(behind.file, order));
        expect(fault).toMatchObject({
          kind: 'doubled',
          sequence: twice.sequence,
          line: order.indexOf(behind) + 2,
        });
      }
    }
  });

  it('with any part of its end cut off is truncated or torn there', async () => {
    const all = lines();
    for (const { file, start, end, sequence } of all) {
      const later = segments().filter((name) => name > file);
      const without = Object.fromEntries(later.map((name) => [name, undefined]));
      // The next to last record stands for all: at any byte.
      for (let at = start; at < end; at += sequence === RECORDS - 1 ? 1 : 29) {
        const cut = { ...without, [file]: whole.get(file)!.subarray(0, at) };
        const { fault } = await verifyWith(cut);
        const kind = at === start ? 'truncated' : 'torn';
        if (fault?.kind === kind && fault.sequence === sequence) continue;
        throw new Error(`record ${sequence} cut at ${at - start}: ${JSON.stringify(fault)}`);
      }
    }
  });

  it('with any part of a segment’s end cut off misses what was there', async () => {
    for (const { file, start, end, sequence } of lines()) {
      if (file === segments().at(-1)) continue;
      for (let at = start; at < end; at += 5) {
        const { fault } = await verifyWith({ [file]: whole.get(file)!.subarray(0, at) });
        expect(fault).toMatchObject({ kind: at === start ? 'missing' : 'torn', sequence });
      }
    }
  });
});
