// Records and delivers as fast as it can, says what was acknowledged, and does not mind being killed.
import fs from 'node:fs';
import { AlwaysOffSampler, BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import {
  type AuditEvent,
  type AuditReceipt,
  AuditSpanProcessor,
  addEventToSpan,
  alwaysRecord,
  type Sink,
  SinkError,
  SinkSpanExporter,
} from '../../../src/index.js';
import { logSink } from '../../../src/sinks/log.js';
import { dieAt } from './die-at.js';
import { eventNamed, input, randomOf, say, turn } from './library.js';

export interface RecorderInput {
  readonly directory: string;
  /** What the two sinks write to. */
  readonly file: string;
  readonly flappingFile: string;
  readonly round: number;
  readonly seed: number;
  /** Events to record; after them, it waits to be killed. */
  readonly events: number;
  /** Ids of events that may or may not be recorded already. */
  readonly doubtful: readonly string[];
  readonly dieAt?: { readonly call: number; readonly when: 'before' | 'half' | 'after' };
  /** Deliver everything, end. */
  readonly drain?: boolean;
}

const options = input<RecorderInput>();
const random = randomOf(options.seed);
const below = (count: number) => Math.floor(random() * count);
if (options.dieAt !== undefined) dieAt(options.dieAt.call, options.dieAt.when);

/** Fails in every way there is, half of the time. */
function flappingSink(path: string): Sink {
  const store = (events: readonly AuditEvent[]) =>
    fs.appendFileSync(path, events.map(({ id }) => `${id}\n`).join(''));
  return {
    async sendAudits(events, { signal }) {
      const half = Math.ceil(events.length / 2);
      switch (below(12)) {
        case 0:
          throw new SinkError('transient', 'try again later', { retryAfterMs: 3 });
        case 1:
          store(events);
          throw new Error('stored, and then it threw');
        case 2:
          store(events.slice(0, half));
          throw new Error('stored half');
        case 3: {
          store(events.slice(0, half));
          const failed = [...events.keys()].slice(half);
          throw new SinkError('transient', 'stored half and says so', { failed });
        }
        case 4:
          store(events.slice(0, half));
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          throw signal.reason;
        case 5:
          throw new SinkError('sink', 'wrong credentials, for now');
        default:
          await turn();
          store(events);
      }
    },
  };
}

const exporter = new SinkSpanExporter({
  ledger: { directory: options.directory, maxSegmentBytes: 64 * 1024 },
  sinks: {
    file: logSink({ file: options.file, fields: 'full' }),
    flapping: flappingSink(options.flappingFile),
  },
  delivery: {
    maxBatch: 32,
    maxDelayMs: 5,
    timeoutMs: 50,
    backoff: { initialMs: 1, maxMs: 10 },
  },
  random,
});
const tracer = new BasicTracerProvider({
  sampler: alwaysRecord(new AlwaysOffSampler()),
  spanProcessors: [new AuditSpanProcessor(exporter)],
}).getTracer('recorder');
const plainTracer = new BasicTracerProvider().getTracer('unwatched');
let number = 0;

function nextEvents(count: number): AuditEvent[] {
  const ids = Array.from({ length: count }, () => `${options.round}-${++number}`);
  say(...ids.map((id) => `try ${id}`));
  return ids.map((id) => eventNamed(id));
}

function acknowledge(word: string, receipts: readonly (AuditReceipt | null)[]): void {
  say(
    ...receipts.map((receipt) => {
      const { recordId, sequence, hash } = receipt!;
      return `${word} ${recordId} ${sequence} ${hash}`;
    }),
  );
}

async function recordSome(): Promise<void> {
  const events = nextEvents(1 + below(4));
  const way = below(8);
  if (way < 3) {
    acknowledge('ack', await exporter.sendAudits(events));
  } else if (way < 4) {
    acknowledge('delivered', await exporter.sendAudits(events, { until: 'delivered' }));
  } else if (way < 7) {
    const span = tracer.startSpan('request');
    for (const event of events) addEventToSpan(event, span);
    await turn(); // captured events are on disk when the turn that recorded them is over
    say(...events.map(({ id }) => `ack ${id}`));
    span.end();
  } else {
    const span = plainTracer.startSpan('request');
    for (const event of events) addEventToSpan(event, span);
    span.end();
    const { code } = await new Promise<{ code: number }>((resolve) => {
      exporter.export([span as never], resolve);
    });
    if (code === 0) say(...events.map(({ id }) => `ack ${id}`));
  }
}

async function main(): Promise<void> {
  say('open');
  if (options.doubtful.length > 0) {
    acknowledge('ack', await exporter.sendAudits(options.doubtful.map((id) => eventNamed(id))));
  }
  if (options.drain) {
    await exporter.forceFlush();
    await exporter.shutdown();
    return;
  }
  const producer = async () => {
    while (number < options.events) await recordSome();
  };
  await Promise.all(Array.from({ length: 8 }, producer));
  say('done');
  process.stdin.resume(); // until it is killed
}

void main();
