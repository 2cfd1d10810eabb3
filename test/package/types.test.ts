import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { installed, Project, root, run } from './packed.js';

interface Sdk {
  /** A folder of test/compat. */
  readonly folder: string;
  readonly name: string;
  readonly api: string;
  readonly provider: string;
  /** 3.x takes the exporter as a member of an object. */
  readonly wrap: (exporter: string) => string;
}

const SDKS: readonly Sdk[] = [
  {
    folder: 'sdk-trace-3',
    name: '@opentelemetry/sdk-trace',
    api: '1.10',
    provider: 'TracerProvider',
    wrap: (exporter) => `{ exporter: ${exporter} }`,
  },
  {
    folder: 'sdk-trace-base-1.30',
    name: '@opentelemetry/sdk-trace-base',
    api: '1.9',
    provider: 'BasicTracerProvider',
    wrap: (exporter) => exporter,
  },
];

/** A user's code; `import type` of what is only a type, so that it compiles as ESM and as CommonJS. */
const userCode = ({ name, provider, wrap }: Sdk): string => `
import { trace } from '@opentelemetry/api';
import { BatchSpanProcessor, SimpleSpanProcessor, ${provider} } from '${name}';
import type { ReadableSpan, Sampler, SpanExporter, SpanProcessor } from '${name}';
import { addEventToSpan, alwaysRecord, auditActor, AuditError, AuditSpanProcessor, Checker, createEvent, decodeEvent, encodeEvent, SinkError, SinkSpanExporter, spanRules, withAudit } from 'otel-audit';
import type { AuditEvent, AuditSender, ReadableSpan as OurSpan, Sink, SinkSpanExporterOptions, SpanRule } from 'otel-audit';
import { logSink } from 'otel-audit/sinks/log';
import { memoryProvider, recordingSink, sinkSuite } from 'otel-audit/testing';

const options: SinkSpanExporterOptions = {
  sinks: { file: logSink({ file: 'audit.jsonl' }), memory: { sink: recordingSink() } },
  checker: new Checker(['flag:*']),
  onError: (error, { sink }) => console.error(error.code, sink),
};
const exporter: SpanExporter = new SinkSpanExporter(options);
new BatchSpanProcessor(${wrap('new SinkSpanExporter({ sinks: { memory: recordingSink() } })')});
new ${provider}({ spanProcessors: [new SimpleSpanProcessor(${wrap('exporter')})] });
const processor: SpanProcessor = new AuditSpanProcessor(new SinkSpanExporter(options));
declare const theirSampler: Sampler;
const sampler: Sampler = alwaysRecord(theirSampler);
new ${provider}({ sampler, spanProcessors: [processor] });
declare const theirs: ReadableSpan;
const ours: OurSpan = theirs;

const event: AuditEvent<{ key: string }> = createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } });
const added: boolean = addEventToSpan(event, trace.getTracer('app').startSpan('request'));
const decoded = decodeEvent(encodeEvent(event));
if (decoded.kind === 'malformed') console.log(decoded.reason);

const sink: Sink = {
  async sendAudits(events, { signal }) {
    signal.throwIfAborted();
    throw new SinkError('transient', String(events.length), { retryAfterMs: 1000 });
  },
};
const rules: SpanRule[] = [
  { match: { 'http.route': '/flags', 'url.path': { prefix: '/' } }, type: 'flag', action: { attribute: 'x' }, payload: [{ attribute: 'y' }] },
];
new SinkSpanExporter({ ...options, rules: spanRules(rules) });
new AuditSpanProcessor(new SinkSpanExporter(options), { rules: spanRules(rules) });
const sender: AuditSender = new SinkSpanExporter(options);
const init = { type: 'flag', action: 'created' };
const plain: number = withAudit(init, () => 7);
const promised: Promise<number> = withAudit({ ...init, payload: (n) => n.toFixed() }, async () => 7);
const durable: Promise<number> = withAudit({ ...init, sender, durable: true, payload: (n) => n.toFixed() }, () => 7);
const carried: string = auditActor({ name: 'Ann', role: 'admin' }, () => 'x');
const memory = memoryProvider(${provider}, { rules: spanRules(rules) });
const inMemory: ${provider} = memory.provider;
withAudit({ ...init, sender: memory }, () => 7);

sinkSuite('mine', async () => ({ sink, stored: async () => [] }));
export { added, AuditError, carried, durable, inMemory, ours, plain, promised };
`;

describe.each(SDKS)('with only $folder and api $api installed, the declarations compile', (sdk) => {
  const project = projectWith(sdk);
  afterAll(() => project.remove());

  it.each([
    ['module', 'node'],
    ['commonjs', 'node'],
    ['module', 'dom'],
    ['commonjs', 'dom'],
  ] as const)('in a project of type %s with the global types of %s', (type, globals) => {
    project.write({ 'package.json': JSON.stringify({ type }), 'app.ts': userCode(sdk) });
    expect(compile(project, globals)).toBe('');
  });

  it('and are really checked', () => {
    project.write({
      'package.json': '{"type":"module"}',
      'app.ts': `${userCode(sdk)}\nnew SinkSpanExporter({ sinks: { memory: 1 } });`,
    });
    expect(() => compile(project)).toThrow(/app\.ts.*error TS2322/s);
  });

  it('and a declaration that is broken is found', () => {
    const broken = projectWith(sdk);
    broken.write({
      'package.json': '{"type":"module"}',
      'app.ts': userCode(sdk),
      'node_modules/otel-audit/dist/esm/clock.d.ts': 'export interface Clock { now(): Gone }',
    });
    expect(() => compile(broken)).toThrow(/clock\.d\.ts.*Gone/s);
    broken.remove();
  });
});

function projectWith({ folder }: Sdk): Project {
  return new Project({
    '@opentelemetry': join(root, 'test/compat', folder, 'node_modules/@opentelemetry'),
    '@types/node': installed('@types/node'),
  });
}

function compile(project: Project, globals: 'node' | 'dom' = 'node'): string {
  project.write({
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        target: 'es2022',
        lib: globals === 'dom' ? ['es2022', 'dom'] : ['es2022'],
        module: 'nodenext',
        types: globals === 'node' ? ['node'] : [],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        noEmit: true,
      },
      files: ['app.ts'],
    }),
  });
  const tsc = join(installed('typescript'), 'bin/tsc');
  return run(process.execPath, [tsc, '-p', '.'], { cwd: project.folder }).stdout;
}
