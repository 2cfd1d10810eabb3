import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { AuditError } from '../../src/errors.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import type { SinkSpanExporterOptions } from '../../src/exporter/options.js';
import { type FakeClock, fakeClock } from './fake-clock.js';
import { pump } from './pump.js';
import { type ChainLine, verifyChain } from './verify-chain.js';

/** An exporter over a ledger in a test's own folder, in virtual time. */
export interface OpenExporter {
  readonly exporter: SinkSpanExporter;
  readonly clock: FakeClock;
  /** What `onError` was told. */
  readonly errors: readonly AuditError[];
}

export interface ExporterFolder {
  /** The ledger's. */
  readonly path: string;
  /** Opens an exporter, on the clock of the one before unless told otherwise. */
  open(options: SinkSpanExporterOptions, clock?: FakeClock): OpenExporter;
  /** The ledger's lines, their chain verified. */
  lines(): ChainLine[];
  /** A sink's dead letters. */
  dead(sink: string): { readonly reason: string; readonly record: ChainLine }[];
}

/** A fresh folder for each test; what is open afterwards is shut down. */
export function exporterFolder(): ExporterFolder {
  let path = '';
  let opened: OpenExporter[] = [];
  beforeEach(() => {
    path = join(fs.mkdtempSync(join(tmpdir(), 'exporter-')), 'audit');
  });
  afterEach(async () => {
    for (const { exporter, clock } of opened)
      await pump(
        clock,
        exporter.shutdown().catch(() => {}),
      );
    opened = [];
    fs.rmSync(join(path, '..'), { recursive: true, force: true });
  });
  return {
    get path() {
      return path;
    },
    open(options, clock = opened.at(-1)?.clock ?? fakeClock()) {
      const errors: AuditError[] = [];
      const exporter = new SinkSpanExporter({
        ledger: path,
        clock,
        random: () => 0.5,
        onError: (error) => errors.push(error),
        ...options,
      });
      const open = { exporter, clock, errors };
      opened.push(open);
      return open;
    },
    lines: () => verifyChain(path),
    dead(sink) {
      const file = join(path, 'dead', `${sink}.jsonl`);
      if (!fs.existsSync(file)) return [];
      return fs
        .readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    },
  };
}

/** Events with these ids. */
export function eventsNamed(...ids: readonly string[]): AuditEvent[] {
  return ids.map((id) => createEvent({ type: 'flag', action: 'created', id, payload: { id } }));
}

/** `a-1` to `a-<count>`. */
export function idsOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${name}-${n + 1}`);
}
