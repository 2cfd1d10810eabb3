// One application with everything in place, which records and then ends in some way.
import { AlwaysOffSampler, BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import {
  AuditSpanProcessor,
  addEventToSpan,
  alwaysRecord,
  SinkSpanExporter,
} from '../../../src/index.js';
import { logSink } from '../../../src/sinks/log.js';
import { eventNamed, input, say, turn } from './library.js';

export interface EndingInput {
  readonly directory: string;
  readonly file: string;
  readonly way: keyof typeof ways;
}

const { directory, file, way } = input<EndingInput>();
const exporter = new SinkSpanExporter({
  ledger: directory,
  sinks: { file: logSink({ file, fields: 'full' }) },
});
const provider = new BasicTracerProvider({
  sampler: alwaysRecord(new AlwaysOffSampler()),
  spanProcessors: [new AuditSpanProcessor(exporter)],
});
const span = provider.getTracer('app').startSpan('never ends');

/** On a span, without one, and one more on the span, all in one turn. */
function record(): void {
  addEventToSpan(eventNamed('a'), span);
  exporter.sendAudits([eventNamed('b')]).catch(() => {});
  addEventToSpan(eventNamed('c'), span);
}

const ways = {
  restart: () => void exporter.shutdown(),
  exit() {
    record();
    process.exit(3);
  },
  'exit in a later turn': async () => {
    await turn();
    record();
    await null;
    process.exit(3);
  },
  exception() {
    record();
    throw new Error('boom');
  },
  rejection: async () => {
    await turn();
    record();
    throw new Error('boom');
  },
  'empty loop': record,
  'empty loop, captured only'() {
    for (const id of ['a', 'b', 'c']) addEventToSpan(eventNamed(id), span);
  },
  async SIGTERM() {
    record();
    await turn();
    process.kill(process.pid, 'SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 60_000)); // the signal comes
  },
  async 'SIGTERM, handled'() {
    process.on('SIGTERM', () => {
      void provider.shutdown().then(() => process.exit(0));
    });
    const timer = setInterval(() => {}, 60_000);
    record();
    say('recorded');
    await new Promise((resolve) => process.stdin.resume().once('end', resolve));
    clearInterval(timer);
  },
  async SIGKILL() {
    record();
    await turn();
    process.kill(process.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
} as const;

void ways[way]();
