import { afterEach, describe, expect, it } from '@jest/globals';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { noteResource, seenResource } from '../../../src/event/span-resource.js';
import { SinkSpanExporter } from '../../../src/exporter/exporter.js';
import { AuditSpanProcessor } from '../../../src/exporter/processor.js';
import { attributesFromEnvironment, ResourceSource } from '../../../src/sinks/otlp/resource.js';
import { recordingSink } from '../../../src/testing/recording-sink.js';
import { diagLog } from '../../support/diag-log.js';

const log = diagLog();
const signal = new AbortController().signal;
const current = (source: ResourceSource) => source.current(signal);
const spanOf = (name: string) => ({ resource: { attributes: { 'service.name': name } } });

describe('the resource over the records', () => {
  it('is the given one before any other', async () => {
    noteResource(spanOf('seen'));
    const attributes = { 'service.name': 'given' };
    const source = new ResourceSource({ attributes, schemaUrl: 'https://example' });
    expect(await current(source)).toEqual({ attributes, schemaUrl: 'https://example' });
  });

  it.each([
    ['a span processor', (exporter: SinkSpanExporter) => new AuditSpanProcessor(exporter)],
    ['an exporter', (exporter: SinkSpanExporter) => new SimpleSpanProcessor(exporter)],
  ])('is that of the last span which %s saw', async (name, makeProcessor) => {
    const source = new ResourceSource(undefined);
    const exporter = new SinkSpanExporter({ sinks: { recording: recordingSink() } });
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': name }),
      spanProcessors: [makeProcessor(exporter)],
    });
    provider.getTracer('t').startSpan('s').end();
    await provider.forceFlush();
    expect((await current(source)).attributes['service.name']).toBe(name);
    await provider.shutdown();
  });

  it('waits for the detectors of an SDK, which then complain of nothing', async () => {
    log.lines.length = 0;
    const detected = Promise.resolve('a-1');
    const resource = resourceFromAttributes({ 'service.name': 's', 'host.name': detected });
    const { attributes } = await current(new ResourceSource(resource));
    expect(attributes).toEqual({ 'service.name': 's', 'host.name': 'a-1' });
    expect(log.lines).toEqual([]);
  });

  it('does not wait for detectors beyond the deadline', async () => {
    const never = {
      attributes: {},
      asyncAttributesPending: true,
      waitForAsyncAttributes: () => new Promise<void>(() => {}),
    };
    const aborting = new AbortController();
    const waiting = new ResourceSource(never).current(aborting.signal);
    aborting.abort(new Error('deadline'));
    await expect(waiting).rejects.toThrow('deadline');
  });

  it('leaves out what a detector failed to find', async () => {
    const failing = {
      attributes: { a: 1 },
      asyncAttributesPending: true,
      waitForAsyncAttributes: () => Promise.reject(new Error('no metadata')),
    };
    expect(await current(new ResourceSource(failing))).toEqual({ attributes: { a: 1 } });
  });

  it('is not taken from a span that has none', () => {
    noteResource(spanOf('last'));
    noteResource({});
    noteResource({ resource: null });
    expect(seenResource()?.attributes).toEqual({ 'service.name': 'last' });
  });
});

describe('the resource that the environment gives', () => {
  it('has the attributes and the name, percent-decoded', () => {
    const env = {
      OTEL_SERVICE_NAME: 'flags',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=other, zone = a%2Cb ,,n=1',
    };
    expect(attributesFromEnvironment(env)).toEqual({
      'service.name': 'flags',
      zone: 'a,b',
      n: '1',
    });
  });

  it('names an unknown service where nothing is said', () => {
    const name = attributesFromEnvironment({ OTEL_SERVICE_NAME: '' })['service.name'];
    expect(name).toMatch(/^unknown_service:node/);
  });

  it.each(['a', 'a=b=c', '=b', 'a=%zz'])('counts for nothing where it is no list: %s', (list) => {
    const env = { OTEL_RESOURCE_ATTRIBUTES: `zone=a,${list}`, OTEL_SERVICE_NAME: 's' };
    expect(attributesFromEnvironment(env)).toEqual({ 'service.name': 's' });
    expect(log.lines).toHaveLength(1);
  });
});

afterEach(() => noteResource({ resource: { attributes: {} } }));
