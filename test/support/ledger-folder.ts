import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { Clock } from '../../src/clock.js';
import type { AuditError } from '../../src/errors.js';
import { createEvent } from '../../src/event/event.js';
import { Ledger } from '../../src/ledger/ledger.js';
import type { ResolvedLedgerOptions } from '../../src/ledger/options.js';
import type { EventContent, RecordContent } from '../../src/ledger/record.js';
import { type FakeClock, fakeClock } from './fake-clock.js';

/** What a ledger told its observer. */
export interface Told {
  readonly noted: string[];
  readonly failed: AuditError[];
  readonly lost: RecordContent[];
}

/** A ledger in a test's own folder, with a clock moved by hand. */
export interface OpenLedger {
  readonly ledger: Ledger;
  readonly clock: FakeClock;
  readonly told: Told;
}

/** A fresh folder for each test; its ledgers are closed afterwards. */
export function ledgerFolder() {
  const opened: Ledger[] = [];
  const folder = {
    path: '',
    open(options: Partial<ResolvedLedgerOptions> = {}, clock: FakeClock = fakeClock()): OpenLedger {
      const told: Told = { noted: [], failed: [], lost: [] };
      const ledger = openLedger(folder.path, options, clock, told);
      opened.push(ledger);
      return { ledger, clock, told };
    },
    /** The names and bytes of everything in the folder. */
    content(): Record<string, string> {
      return contentOf(folder.path);
    },
    file: (...names: string[]) => join(folder.path, ...names),
    segments: () =>
      fs
        .readdirSync(folder.path)
        .filter((name) => name.endsWith('.jsonl'))
        .sort(),
  };
  beforeEach(() => {
    folder.path = join(fs.mkdtempSync(join(tmpdir(), 'ledger-')), 'audit');
  });
  afterEach(async () => {
    for (const ledger of opened.splice(0)) await ledger.close().catch(() => {});
    fs.rmSync(join(folder.path, '..'), { recursive: true, force: true });
  });
  return folder;
}

export function openLedger(
  directory: string,
  options: Partial<ResolvedLedgerOptions>,
  clock: Clock,
  told: Told,
): Ledger {
  return new Ledger(
    {
      directory,
      slots: false,
      maxSegmentBytes: 2 ** 26,
      maxWaitingBytes: 2 ** 26,
      retain: {},
      ...options,
    },
    clock,
    {
      noted: (message) => told.noted.push(message),
      failed: (error) => told.failed.push(error),
      lost: (contents) => told.lost.push(...contents),
    },
  );
}

export function contentOf(directory: string): Record<string, string> {
  return Object.fromEntries(
    fs
      .readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(directory.length + 1), fs.readFileSync(path, 'latin1')]),
  );
}

export function contentNamed(id: string, payload: unknown = { id }): EventContent {
  return { id, event: createEvent({ type: 'flag', action: 'created', id, payload }) };
}

/** Resolves when the record is durable, rejects with the reason why it never will be. */
export function durable(ledger: Ledger, sequence: number): Promise<void> {
  return new Promise((resolve, reject) => {
    ledger.onDurable(sequence, {
      settle: (error) => (error === undefined ? resolve() : reject(error)),
    });
  });
}

/** Appends contents and waits until they are durable. */
export async function keep(ledger: Ledger, ...ids: string[]): Promise<number[]> {
  const sequences = ids.map((id) => ledger.append(contentNamed(id)));
  await Promise.all(sequences.map((sequence) => durable(ledger, sequence)));
  return sequences;
}
