import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AuditError } from '../../src/errors.js';
import { type DiskFaults, diskFaults, ioError } from '../support/disk-faults.js';
import { contentNamed, ledgerFolder, type OpenLedger } from '../support/ledger-folder.js';
import { verifyChain } from '../support/verify-chain.js';

const faults = diskFaults();
const folder = ledgerFolder();
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What a ledger must be: everything it took, in order, and how much of that it acknowledged. */
interface Model {
  /** Id and payload of each record, from the first. */
  taken: { id: string; payload: string }[];
  acknowledged: number;
  names: number;
}

/** The ledger under test, with what it takes to crash it. */
class Real {
  readonly directory: string;
  readonly maxSegmentBytes: number;
  readonly faults: DiskFaults = faults;
  open: OpenLedger;
  first = 1;
  /** Instances that crashed: nothing may come of them any more. */
  #era = 0;

  constructor(directory: string, maxSegmentBytes: number) {
    this.directory = directory;
    this.maxSegmentBytes = maxSegmentBytes;
    this.open = this.#openLedger();
  }

  #openLedger(): OpenLedger {
    const { directory, maxSegmentBytes } = this;
    return folder.open({
      directory,
      maxSegmentBytes,
      maxWaitingBytes: 20_000,
      retain: { maxBytes: 1 },
    });
  }

  append(model: Model, id: string, payload: string): void {
    const { ledger } = this.open;
    const known = model.taken.findIndex((record) => record.id === id);
    const content = contentNamed(id, payload);
    const same = known >= 0 && model.taken[known]!.payload === payload;
    // The time stamp is part of the content: only the very event counts as the same.
    const event = same ? events.get(id)! : content;
    let sequence: number;
    try {
      sequence = ledger.append(event);
    } catch (error) {
      const { code } = error as AuditError;
      expect(error).toBeInstanceOf(AuditError);
      if (code === 'conflict') expect([known >= 0, same]).toEqual([true, false]);
      else expect(code).toBe('queue-full');
      return;
    }
    if (known >= 0 && known + 1 >= this.first) {
      expect([same, sequence]).toEqual([true, known + 1]);
    } else {
      events.set(id, content);
      model.taken.push({ id, payload });
      expect(sequence).toBe(model.taken.length);
    }
    const era = this.#era;
    ledger.onDurable(sequence, {
      settle: (error) => {
        if (era !== this.#era || error !== undefined) return;
        model.acknowledged = Math.max(model.acknowledged, sequence);
      },
    });
  }

  /** The power goes: of what was not acknowledged any part may be missing from the end. */
  async crash(model: Model, cut: number): Promise<void> {
    this.#era += 1;
    const before = `${this.directory}.crashed`;
    fs.cpSync(this.directory, before, { recursive: true });
    this.faults.heal();
    this.faults.finishSyncs();
    await this.open.ledger.close().catch(() => {});
    fs.rmSync(this.directory, { recursive: true });
    fs.renameSync(before, this.directory);
    killLock(this.directory);
    this.#cutUnacknowledged(model, cut);
    this.#reopen(model);
  }

  #cutUnacknowledged(model: Model, cut: number): void {
    const names = fs
      .readdirSync(this.directory)
      .filter((name) => name.endsWith('.jsonl'))
      .sort();
    const last = names.at(-1);
    if (last === undefined) return;
    const path = join(this.directory, last);
    const bytes = fs.readFileSync(path);
    let kept = 0;
    for (let sequence = Number(last.slice(0, 20)); sequence <= model.acknowledged; sequence += 1) {
      kept = bytes.indexOf(10, kept) + 1;
    }
    fs.truncateSync(path, kept + Math.floor((bytes.length - kept) * cut));
  }

  async restart(model: Model): Promise<void> {
    this.faults.holdSyncs = false; // closing waits for them
    this.faults.finishSyncs();
    await this.open.ledger.close().catch(() => {});
    this.#era += 1;
    this.#reopen(model);
  }

  #reopen(model: Model): void {
    this.faults.heal();
    this.open = this.#openLedger();
    const { newest } = this.open.ledger;
    expect(newest).toBeGreaterThanOrEqual(model.acknowledged);
    expect(newest).toBeLessThanOrEqual(model.taken.length);
    model.taken.length = newest;
    model.acknowledged = newest; // what opening finds, it syncs
    this.check(model);
  }

  /** What is on disk is what was taken, and all of it that was acknowledged. */
  check(model: Model): void {
    const { ledger } = this.open;
    expect(ledger.deliverable).toBeGreaterThanOrEqual(model.acknowledged);
    expect(ledger.newest).toBe(model.taken.length);
    expect(ledger.first).toBe(this.first);
    const lines = verifyChain(this.directory);
    const expected = model.taken.slice(this.first - 1, this.first - 1 + lines.length);
    expect(lines.map(({ id, event }) => ({ id, payload: event?.payload }))).toEqual(expected);
    expect(this.first - 1 + lines.length).toBeGreaterThanOrEqual(model.acknowledged);
  }
}

const events = new Map<string, ReturnType<typeof contentNamed>>();

/** Makes a lock look like one that a dead process left behind. */
function killLock(directory: string): void {
  const path = join(directory, 'lock');
  if (!fs.existsSync(path)) return;
  const holder = JSON.parse(fs.readFileSync(path, 'utf8'));
  // No system gives pids as large as this one.
  fs.writeFileSync(path, JSON.stringify({ ...holder, token: 'dead', pid: 2 ** 31 - 1 }));
}

type Command = fc.AsyncCommand<Model, Real, false>;
const command = (
  name: string,
  run: (model: Model, real: Real) => Promise<void> | void,
): Command => ({
  check: () => true,
  run: async (model, real) => run(model, real),
  toString: () => name,
});

const commands = [
  fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(900)).map(([count, bytes]) =>
    command(`append ${count} × ${bytes}`, (model, real) => {
      for (let n = 0; n < count; n += 1) {
        model.names += 1;
        real.append(model, `r-${model.names}`, 'x'.repeat(bytes));
      }
    }),
  ),
  fc.tuple(fc.nat(), fc.boolean()).map(([at, other]) =>
    command(`again ${at} ${other}`, (model, real) => {
      if (model.taken.length < real.first) return;
      const index = real.first - 1 + (at % (model.taken.length - real.first + 1));
      const { id, payload } = model.taken[index]!;
      real.append(model, id, other ? `${payload}!` : payload);
    }),
  ),
  fc.constant(command('flush', (_, real) => real.open.ledger.flush())),
  fc.constant(command('turn', () => turn().then(() => {}))),
  fc
    .constantFrom(10, 250, 5000)
    .map((ms) => command(`advance ${ms}`, (_, real) => real.open.clock.advance(ms))),
  fc.constant(
    command('wait until durable', async (model, real) => {
      faults.heal();
      faults.finishSyncs();
      const { ledger, clock } = real.open;
      let settled = ledger.newest === 0;
      ledger.onDurable(ledger.newest, {
        settle: () => {
          settled = true;
        },
      });
      for (let n = 0; n < 100 && !settled; n += 1) {
        await turn();
        faults.finishSyncs();
        clock.advance(5000);
      }
      expect(ledger.deliverable).toBe(model.taken.length);
      real.check(model);
    }),
  ),
  fc.nat(2000).map((bytes) =>
    command(`space for ${bytes}`, () => {
      faults.space = bytes;
    }),
  ),
  fc
    .tuple(
      fc.constantFrom('write' as const, 'sync' as const, 'begin' as const),
      fc.constantFrom('EIO', 'ENOSPC'),
    )
    .map(([call, code]) =>
      command(`${code} on ${call}`, () => {
        faults[call] = ioError(code);
      }),
    ),
  fc.integer({ min: 1, max: 500 }).map((part) =>
    command(`writes of ${part}`, () => {
      faults.writeAtMost = () => part;
    }),
  ),
  fc.constant(
    command('hold syncs', () => {
      faults.holdSyncs = true;
    }),
  ),
  fc
    .boolean()
    .map((fails) =>
      command(`end syncs ${fails}`, () => faults.finishSyncs(fails ? ioError('EIO') : undefined)),
    ),
  fc.constant(command('heal', () => faults.heal())),
  fc
    .double({ min: 0, max: 1, noNaN: true })
    .map((cut) => command(`crash ${cut}`, (model, real) => real.crash(model, cut))),
  fc.constant(command('restart', (model, real) => real.restart(model))),
  fc.nat().map((at) =>
    command(`retire ${at}`, (model, real) => {
      const { ledger } = real.open;
      ledger.retire(at % (model.acknowledged + 1));
      expect(ledger.first).toBeLessThanOrEqual(
        Math.max(real.first, (at % (model.acknowledged + 1)) + 1),
      );
      real.first = ledger.first;
    }),
  ),
];

describe('a ledger that lives through anything', () => {
  it('keeps what it acknowledged, in order, whole and chained', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.commands(commands, { maxCommands: 60 }),
        fc.constantFrom(1, 1500, 2 ** 26),
        async (given, maxSegmentBytes) => {
          run += 1;
          faults.heal();
          events.clear();
          const directory = folder.file(String(run));
          await fc.asyncModelRun(() => {
            const model: Model = { taken: [], acknowledged: 0, names: 0 };
            return { model, real: new Real(directory, maxSegmentBytes) };
          }, given);
        },
      ),
      { numRuns: 200 },
    );
  });
});
