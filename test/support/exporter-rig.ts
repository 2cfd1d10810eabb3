import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { AuditError } from '../../src/errors.js';
import { encodeEvent } from '../../src/event/attributes.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import type { SinkSpanExporterOptions } from '../../src/exporter/options.js';
import type { ErrorContext } from '../../src/exporter/reporter.js';
import type { ExportResult, ReadableSpan } from '../../src/exporter/span.js';
import type { SendContext, Sink } from '../../src/sink.js';
import { type Timeline, timeline } from './settle.js';

export const created = createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } });
export const updated = createEvent({ type: 'flag', action: 'updated', payload: { key: 'a' } });
export const rule = createEvent({ type: 'rule', action: 'created' });

export const traceId = '0af7651916cd43dd8448eb211c80319c';
export const spanId = 'b7ad6b7169203331';

/** New events, each with a number for its payload. */
export const flags = (count: number): AuditEvent[] =>
  Array.from({ length: count }, (_, n) =>
    createEvent({ type: 'flag', action: 'created', payload: n }),
  );

export function spanOf(attributes: readonly unknown[], droppedEventsCount?: number): ReadableSpan {
  return {
    spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
    events: attributes.map((given) => ({
      name: 'event',
      time: [0, 0] as HrTime,
      attributes: given as Attributes,
    })),
    ...(droppedEventsCount === undefined ? {} : { droppedEventsCount }),
  };
}

export const spanWith = (...events: readonly AuditEvent[]): ReadableSpan =>
  spanOf(events.map((event) => encodeEvent(event)));

export const exported = (
  exporter: SinkSpanExporter,
  ...spans: ReadableSpan[]
): Promise<ExportResult> => new Promise((resolve) => exporter.export(spans, resolve));

export const pairs = (events: readonly AuditEvent[]): string[] =>
  events.map(({ type, action }) => `${type}:${action}`);

export const idsOf = (events: readonly AuditEvent[]): string[] => events.map(({ id }) => id);

/** A sink whose sends settle when the test says so. */
export function heldSink() {
  const sends: {
    events: readonly AuditEvent[];
    context: SendContext;
    resolve: () => void;
    reject: (error: unknown) => void;
  }[] = [];
  const sink: Sink = {
    sendAudits: (events, context) =>
      new Promise<void>((resolve, reject) => {
        sends.push({ events, context, resolve, reject });
      }),
  };
  return { sink, sends };
}

/** What was told to `onError`. */
export interface Told {
  readonly error: AuditError;
  readonly context: ErrorContext;
}

/** An exporter with a clock moved by hand, and what it told. */
export interface Rig {
  readonly exporter: SinkSpanExporter;
  readonly clock: Timeline;
  readonly told: Told[];
}

/** Exporters in a folder of their test. */
export interface ExporterRig {
  /** For a ledger; it does not exist yet. */
  path: string;
  file(...names: string[]): string;
  /** With a ledger in the test's folder, unless the options say otherwise. */
  open(options: SinkSpanExporterOptions): Rig;
  /** Without a ledger. */
  openMemory(options: SinkSpanExporterOptions): Rig;
  /** The ledger's lines, parsed. */
  lines(directory?: string): { readonly id: string; readonly [member: string]: unknown }[];
}

/** Exporters that are shut down after each test, in a folder of its own. */
export function exporterRig(): ExporterRig {
  const opened: Rig[] = [];
  const rig: ExporterRig = {
    path: '',
    file: (...names) => join(rig.path, ...names),
    open(options) {
      const clock = timeline();
      const told: Told[] = [];
      const exporter = new SinkSpanExporter({
        ledger: rig.path,
        onError: (error, context) => told.push({ error, context }),
        random: () => 1,
        clock,
        ...options,
      });
      opened.push({ exporter, clock, told });
      return { exporter, clock, told };
    },
    openMemory: (options) => rig.open({ ...options, ledger: undefined }),
    lines: (directory = rig.path) =>
      fs
        .readdirSync(directory)
        .filter((name) => /^\d{20}\.jsonl$/.test(name))
        .sort()
        .flatMap((name) => fs.readFileSync(join(directory, name), 'utf8').split('\n'))
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
  };
  beforeEach(() => {
    rig.path = join(fs.mkdtempSync(join(tmpdir(), 'exporter-')), 'audit');
  });
  afterEach(async () => {
    for (const { exporter, clock } of opened.splice(0)) await shutDown(exporter, clock);
    fs.rmSync(join(rig.path, '..'), { recursive: true, force: true });
  });
  return rig;
}

/** Shuts down, whatever hangs: time passes until it is over. Resolves with what it rejects with. */
export async function shutDown(exporter: SinkSpanExporter, clock: Timeline): Promise<unknown> {
  let isOver = false;
  let failure: unknown;
  exporter.shutdown().then(
    () => {
      isOver = true;
    },
    (error: unknown) => {
      failure = error;
      isOver = true;
    },
  );
  await clock.pass(0);
  while (!isOver) await clock.pass(100);
  return failure;
}
