import { readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { BasicTracerProvider, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import { AuditError } from '../../src/errors.js';
import { createEvent } from '../../src/event/event.js';
import { addEventToSpan } from '../../src/event/span.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { answer, farSide } from '../support/far-side.js';
import { verifyChain } from '../support/verify-chain.js';
import { configRig, faultsOf, refusal } from './support.js';

const diagnostics = diagLog();
const rig = configRig();
const event = (type = 'invoice', action = 'refunded') => createEvent({ type, action });

const YAML = `
audit:
  sinks:
    log: { enabled: true, file: audit.jsonl, encoding: json }
`;

describe('createAudit', () => {
  it('wires a pipeline that a provider can be given, and that records what is not sampled', async () => {
    const audit = await rig.create(rig.write('audit.yaml', YAML), {
      sampler: new TraceIdRatioBasedSampler(0),
    });
    const provider = new BasicTracerProvider({
      sampler: audit.sampler,
      spanProcessors: [audit.spanProcessor],
    });
    const span = provider.getTracer('test').startSpan('POST /refund', {}, ROOT_CONTEXT);
    expect(span.isRecording()).toBe(true);
    expect(span.spanContext().traceFlags).toBe(0);
    expect(addEventToSpan(event(), span)).toBe(true);
    span.end();
    await provider.shutdown();
    expect(rig.read('audit.jsonl')).toContain('"type":"invoice","action":"refunded"');
    expect(verifyChain('audit')).toHaveLength(1);
  });

  it.each([
    ['a path', (path: string) => path],
    ['a URL', (path: string) => pathToFileURL(path)],
  ])('takes %s', async (_, toSource) => {
    await rig.create(toSource(rig.write('audit.yml', YAML)));
    expect(rig.exists('audit/ledger.json')).toBe(true);
  });

  it('reads JSON without the package for YAML', async () => {
    const path = rig.write('audit.json', '{"audit":{"ledger":"./kept"}}');
    await rig.create(path);
    expect(rig.exists('kept/ledger.json')).toBe(true);
  });

  it('keeps the ledger in ./audit, from the working directory, when a file names none', async () => {
    await rig.create(rig.write('audit.yaml', 'audit: {}\n'));
    expect(rig.exists('audit/ledger.json')).toBe(true);
  });

  it.each(['', '# nothing yet\n', 'server: { port: 3 }\n', 'audit:\n'])(
    'takes a file without a word of audit: %j',
    async (text) => {
      const { exporter } = await rig.create(rig.write('audit.yaml', text));
      expect(await exporter.sendAudits([event()])).toMatchObject([{ sequence: 1 }]);
    },
  );

  it('keeps events in memory when a file says ledger: false', async () => {
    const text = `${YAML}  ledger: false\n`;
    const { exporter } = await rig.create(rig.write('audit.yaml', text));
    expect(await exporter.sendAudits([event()])).toEqual([null]);
    expect(rig.exists('audit')).toBe(false);
  });

  it('makes no ledger for an object that names none', async () => {
    const audit = { sinks: { log: { enabled: true, file: 'x.jsonl' } } };
    await rig.create({ audit });
    expect(rig.exists('audit')).toBe(false);
  });

  it('refuses an object with neither ledger nor sink', async () => {
    expect(await faultsOf(rig.create({ audit: { sinks: { log: { file: 'x' } } } }))).toEqual([
      'audit names neither a ledger nor a sink that is enabled',
    ]);
  });

  it('hands the ledger its options', async () => {
    const ledger = { directory: './kept', slots: true, maxSegmentBytes: '1KiB' };
    const { exporter } = await rig.create({ audit: { ledger } });
    for (let n = 0; n < 5; n += 1) await exporter.sendAudits([event()]);
    expect(rig.exists('kept/0/ledger.json')).toBe(true);
    expect(verifyChain('kept/0')).toHaveLength(5);
    const segments = readdirSync('kept/0').filter((name) => name.endsWith('.jsonl'));
    expect(segments.length).toBeGreaterThan(1);
  });

  it('puts sinks made in code beside those of the file', async () => {
    const mine = recordingSink();
    const { exporter } = await rig.create(rig.write('audit.yaml', YAML), { sinks: { mine } });
    await exporter.sendAudits([event()], { until: 'delivered' });
    expect(mine.events).toHaveLength(1);
    expect(rig.read('audit.jsonl')).not.toBe('');
  });

  it('refuses a sink made in code that has the name of one of the file', async () => {
    const creating = rig.create(rig.write('audit.yaml', YAML), { sinks: { log: recordingSink() } });
    expect(await faultsOf(creating)).toEqual([
      'audit.sinks.log is also the name of a sink made in code',
    ]);
  });

  it('gives each sink its events, of those that pass at all', async () => {
    const side = await farSide();
    const { exporter } = await rig.create({
      audit: {
        events: ['invoice:*', 'user:created'],
        vocabulary: { nouns: ['invoice', 'user'], verbs: 'any' },
        sinks: {
          log: { enabled: true, file: 'all.jsonl' },
          webhook: { enabled: true, url: side.url, events: ['user:created'] },
        },
      },
    });
    const events = [event(), event('user', 'created'), event('user', 'deleted')];
    await exporter.sendAudits(events, { until: 'delivered' });
    expect(side.seen.map(({ body }) => JSON.parse(body).type)).toEqual(['user']);
    expect(rig.read('all.jsonl').trimEnd().split('\n')).toHaveLength(2);
    await exporter.shutdown();
    await side.close();
  });

  it('lets every event pass for *:* alone, while no vocabulary says which words there are', async () => {
    const { exporter } = await rig.create({
      audit: { events: ['*:*'], sinks: { log: { enabled: true, file: 'a.jsonl', events: '*:*' } } },
    });
    await exporter.sendAudits([event('thing', 'read')], { until: 'delivered' });
    expect(exporter.stats()).toMatchObject({ emitted: 1, rejected: 0 });
    expect(rig.read('a.jsonl')).toContain('"thing"');
  });

  it('posts by templates, each with a lane of its own', async () => {
    const side = await farSide();
    const template = (path: string) => ({
      url: `${side.url}/${path}`,
      body: '{"event": "{{ .Type }} {{ .Action }}"}',
      headers: { 'x-team': path },
    });
    const { exporter } = await rig.create({
      audit: { sinks: { webhook: { enabled: true, templates: [template('a'), template('b')] } } },
    });
    await exporter.sendAudits([event()], { until: 'delivered' });
    expect(Object.keys(exporter.stats().sinks)).toEqual(['webhook', 'webhook-2']);
    expect(side.seen.map(({ headers, body }) => [headers['x-team'], body]).sort()).toEqual([
      ['a', '{"event": "invoice refunded"}'],
      ['b', '{"event": "invoice refunded"}'],
    ]);
    await exporter.shutdown();
    await side.close();
  });

  it('makes the buffer’s capacity the size of a batch, and its flush period the delay', async () => {
    const side = await farSide();
    const { exporter } = await rig.create({
      audit: {
        buffer: { capacity: 3, flush_period: '10m' },
        sinks: { webhook: { enabled: true, url: side.url, mode: 'batch' } },
      },
    });
    const events = Array.from({ length: 7 }, () => event());
    await exporter.sendAudits(events, { until: 'delivered' });
    expect(side.seen.map(({ body }) => JSON.parse(body).length)).toEqual([3, 3, 1]);
    await exporter.shutdown();
    await side.close();
  });

  it('sends OTLP, with the headers and the encoding of the file', async () => {
    const side = await farSide();
    const headers = { authorization: 'Bearer ${TOKEN}' };
    const { exporter } = await rig.create(
      {
        audit: {
          sinks: {
            otlp: { enabled: true, url: `${side.url}/v1/audit`, encoding: 'json', headers },
          },
        },
      },
      { env: { TOKEN: 't0ken' } },
    );
    await exporter.sendAudits([event()], { until: 'delivered' });
    expect(side.seen).toMatchObject([
      {
        url: '/v1/audit',
        headers: { authorization: 'Bearer t0ken' },
        body: expect.stringContaining('invoice.refunded'),
      },
    ]);
    await exporter.shutdown();
    await side.close();
  });

  it('signs with the secret, which only the far side can check', async () => {
    const side = await farSide();
    side.answer = answer(204);
    rig.write('secret', 's3crET\n');
    const { exporter } = await rig.create({
      audit: {
        sinks: { webhook: { enabled: true, url: side.url, signing_secret: '${file:secret}' } },
      },
    });
    await exporter.sendAudits([event()], { until: 'delivered' });
    const { createHmac } = await import('node:crypto');
    const [{ headers, body }] = side.seen as [(typeof side.seen)[0]];
    expect(headers['x-flipt-webhook-signature']).toBe(
      createHmac('sha256', 's3crET').update(body).digest('hex'),
    );
    await exporter.shutdown();
    await side.close();
  });

  it('refuses a ledger that another writer has, closes its sinks, and can be tried again', async () => {
    const path = rig.write('audit.yaml', YAML);
    const first = await rig.create(path);
    await expect(rig.create(path)).rejects.toMatchObject({ code: 'ledger-locked' });
    await first.shutdown();
    await rig.create(path);
  });

  it('leaves nothing behind that it made in vain', async () => {
    const log = { enabled: true, file: 'x.jsonl', reopenOnSighup: true };
    const before = process.listenerCount('SIGHUP');
    await refusal(rig.create({ audit: { sinks: { log }, events: ['a'] } }));
    expect(process.listenerCount('SIGHUP')).toBe(before);
    await rig.create({ audit: { ledger: 'kept' } });
    await expect(rig.create({ audit: { sinks: { log }, ledger: 'kept' } })).rejects.toMatchObject({
      code: 'ledger-locked',
    });
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });

  it.each([
    ['gone.yaml', 'does not exist'],
    ['.', 'is no file'],
    ['audit.toml', 'must end in .yaml, .yml or .json'],
  ])('refuses %s, which %s', async (name, fault) => {
    rig.write('audit.toml', '');
    const error = await refusal(rig.create(name));
    expect(error.message).toBe(`${name} ${fault}`);
    expect(error).toBeInstanceOf(AuditError);
    expect(error.code).toBe('invalid-option');
  });

  it.each([undefined, null, 3, [], () => {}])('refuses %p as a source', async (source) => {
    const error = await refusal(rig.create(source as unknown as string));
    expect(error.message).toBe(
      'createAudit takes the path of a file, or an object with audit in it',
    );
  });

  it('refuses an option that it does not know', async () => {
    await expect(rig.create({ audit: {} }, { stict: 'flipt' } as object)).rejects.toThrow(
      'createAudit has no option stict',
    );
    await expect(rig.create({ audit: {} }, { strict: true } as object)).rejects.toThrow(
      "strict must be 'flipt'",
    );
  });

  it('says what loads and yet has no effect', async () => {
    const webhook = { url: 'http://localhost:1' };
    await rig.create(
      { audit: { ledger: 'kept', sinks: { webhook } } },
      {
        env: { OTEL_TRACES_SAMPLER: 'traceidratio', FLIPT_AUDIT_PORT_8080_TCP: '1' },
      },
    );
    expect(diagnostics.lines).toEqual([
      'warn otel-audit: createAudit: the variable FLIPT_AUDIT_PORT_8080_TCP sets nothing that is known',
      'warn otel-audit: createAudit: audit.sinks.webhook is not enabled: enabled is left out',
      'warn otel-audit: createAudit: OTEL_TRACES_SAMPLER is not read; pass the option sampler',
    ]);
  });
});

describe('the sampler that is there without one of your own', () => {
  it('does as parentbased_always_on, and has every other span recorded', async () => {
    const audit = await rig.create({ audit: { ledger: 'kept' } });
    const provider = new BasicTracerProvider({ sampler: audit.sampler });
    const tracer = provider.getTracer('test');
    const spanIn = (traceFlags: number) => {
      const parent = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags };
      return tracer.startSpan('x', {}, trace.setSpanContext(context.active(), parent));
    };
    expect(tracer.startSpan('root', { root: true }).spanContext().traceFlags).toBe(1);
    expect(spanIn(1).spanContext().traceFlags).toBe(1);
    expect(spanIn(0).spanContext().traceFlags).toBe(0);
    expect(spanIn(0).isRecording()).toBe(true);
    expect(String(audit.sampler)).toBe('AlwaysRecord{ParentBased{root=AlwaysOnSampler}}');
  });
});
