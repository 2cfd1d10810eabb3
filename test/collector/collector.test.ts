import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import type { RecordInfo } from '../../src/sink.js';
import { otlpSink } from '../../src/sinks/otlp.js';
import { sinkSuite } from '../../src/testing/sink-suite.js';
import { root } from '../package/packed.js';
import { answer, type FarSide, farSide } from '../support/far-side.js';
import {
  attributesOf,
  eventJsonOf,
  type LogRecordJson,
  logRecordsOf,
  resourceLogsOf,
} from '../support/otlp-json.js';
import { Collector, findCollector } from './rig.js';

const binary = findCollector();
if (binary === undefined && process.env.CI) {
  throw new Error('there is no Collector to test with: node scripts/build-collector.mjs says why');
}
const describeCollector = binary === undefined ? describe.skip : describe;
const WITHOUT = binary === undefined ? ' (skipped: no Collector, scripts/build-collector.mjs)' : '';

const resource = { attributes: { 'service.name': 'flags', replicas: 3, zones: ['a', 'b'] } };
const signal = new AbortController().signal;
const STREAM = '3f0c5a8e-9f5d-4a53-9d3f-6f6c1f0b7c11';
const hashOf = (n: number) => n.toString(16).padStart(64, '0');

describeCollector(`what a real Collector takes of 1,000 events${WITHOUT}`, () => {
  const START = Date.UTC(2026, 0, 31, 12);
  const STATUSES = ['success', 'denied', 'failed', '', 'pending'];
  const OUTCOMES = ['success', 'failure', 'failure', 'unknown', 'unknown'];
  const ACTIONS = ['created', 'updated', 'deleted', 'read', 'archived'];
  const VERBS = ['CREATE', 'UPDATE', 'DELETE', 'READ', 'ARCHIVED'];

  const eventOf = (n: number) => ({
    ...createEvent({
      id: `event-${n}`,
      type: 'flag',
      action: ACTIONS[n % 5]!,
      status: STATUSES[n % 5]!,
      timestamp: new Date(START + n),
      actor: { authentication: n % 2 === 0 ? 'token' : 'oidc', ip: '10.0.0.7', name: `Ünï ${n}` },
      payload: {
        namespace_key: 'prod',
        key: `k-${n}`,
        n,
        half: n + 0.5,
        on: n % 2 === 0,
        none: null,
      },
    }),
    trace: {
      traceId: (n + 1).toString(16).padStart(32, '0'),
      spanId: (n + 1).toString(16).padStart(16, '0'),
      traceFlags: n % 2,
    },
  });
  const infoOf = (n: number): RecordInfo => ({
    sequence: n + 1,
    hash: hashOf(n + 1),
    previousHash: hashOf(n),
    stream: STREAM,
    recordedAt: new Date(START + n + 3).toISOString(),
  });
  const expected = (n: number) => ({
    timeUnixNano: `${START + n}000000`,
    observedTimeUnixNano: `${START + n + 3}000000`,
    eventName: `flag.${ACTIONS[n % 5]}`,
    body: `{"namespace_key":"prod","key":"k-${n}","n":${n},"half":${n + 0.5},"on":${n % 2 === 0},"none":null}`,
    traceId: (n + 1).toString(16).padStart(32, '0'),
    spanId: (n + 1).toString(16).padStart(16, '0'),
    flags: n % 2,
    attributes: {
      'audit.record.id': `event-${n}`,
      'audit.actor.id': `Ünï ${n}`,
      'audit.actor.type': n % 2 === 0 ? 'service' : 'user',
      'audit.action': VERBS[n % 5],
      'audit.outcome': OUTCOMES[n % 5],
      'audit.target.type': 'flag',
      'audit.target.id': `prod/k-${n}`,
      'audit.schema.version': '0.2',
      'audit.source.id': '10.0.0.7',
      'audit.source.type': 'ipv4',
      'otel_audit.ledger.sequence': String(n + 1),
      'otel_audit.ledger.hash': hashOf(n + 1),
      'otel_audit.ledger.previous_hash': hashOf(n),
      'otel_audit.ledger.stream': STREAM,
      'otel_audit.actor': `{"authentication":"${n % 2 === 0 ? 'token' : 'oidc'}","ip":"10.0.0.7","name":"Ünï ${n}"}`,
      ...(n % 5 === 0 || n % 5 === 3 ? {} : { 'otel_audit.status': STATUSES[n % 5] }),
    },
  });
  const actual = (record: LogRecordJson) => {
    const { timeUnixNano, observedTimeUnixNano, eventName, traceId, spanId, flags = 0 } = record;
    const body = eventJsonOf(record).replace(/^.*?"payload":(.*),"timestamp".*$/, '$1');
    const attributes = attributesOf(record);
    return {
      timeUnixNano,
      observedTimeUnixNano,
      eventName,
      body,
      traceId,
      spanId,
      flags,
      attributes,
    };
  };

  it.each([
    ['protobuf', 'none'],
    ['protobuf', 'gzip'],
    ['json', 'none'],
    ['json', 'gzip'],
  ] as const)(
    'is the same in every field, sent as %s with compression %s',
    async (encoding, compression) => {
      const collector = await Collector.start(binary!);
      const sink = otlpSink({ url: collector.url, encoding, compression, resource });
      try {
        for (let from = 0; from < 1000; from += 125) {
          const numbers = Array.from({ length: 125 }, (_, n) => from + n);
          const records = numbers.map(infoOf);
          await sink.sendAudits(numbers.map(eventOf), { signal, attempt: 1, records });
        }
        const requests = collector.requests();
        const records = requests.flatMap(logRecordsOf);
        expect(records).toHaveLength(1000);
        for (const [n, record] of records.entries()) expect(actual(record)).toEqual(expected(n));
        for (const { resource: sent, scopeLogs } of requests.flatMap(resourceLogsOf)) {
          expect(sent.attributes).toEqual([
            { key: 'service.name', value: { stringValue: 'flags' } },
            { key: 'replicas', value: { intValue: '3' } },
            {
              key: 'zones',
              value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } },
            },
          ]);
          expect(scopeLogs.map(({ scope }) => scope)).toEqual([{}]);
        }
        const severities = records.filter((one) => one.severityNumber || one.severityText);
        expect(severities).toEqual([]);
      } finally {
        await sink.close?.();
        await collector.dispose();
      }
    },
  );
});

describeCollector(`a Collector that is killed in the middle of a stream${WITHOUT}`, () => {
  it('has every event once it is back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'otlp-kill-'));
    const collector = await Collector.start(binary!);
    const exporter = new SinkSpanExporter({
      ledger: join(folder, 'audit'),
      sinks: { collector: otlpSink({ url: collector.url, resource }) },
      delivery: { maxBatch: 50, maxDelayMs: 1, backoff: { initialMs: 20, maxMs: 200, factor: 2 } },
    });
    const send = (from: number, to: number, until: 'durable' | 'delivered') =>
      exporter.sendAudits(
        Array.from({ length: to - from }, (_, n) =>
          createEvent({ id: `event-${from + n}`, type: 'flag', action: 'created' }),
        ),
        { until },
      );
    try {
      await send(0, 300, 'delivered');
      await send(300, 700, 'durable');
      await collector.kill(); // in the middle of those 400
      await send(700, 1000, 'durable');
      await collector.start();
      await exporter.forceFlush();
      const ids = collector
        .requests()
        .flatMap(logRecordsOf)
        .map((record) => attributesOf(record)['audit.record.id']);
      expect([...new Set(ids)]).toEqual(Array.from({ length: 1000 }, (_, n) => `event-${n}`));
    } finally {
      await exporter.shutdown();
      await collector.dispose();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describeCollector(`the Collector configuration in examples${WITHOUT}`, () => {
  it('is one', () => {
    const config = join(root, 'examples/collector/config.yaml');
    const { status, stderr } = spawnSync(binary!, ['validate', `--config=file:${config}`], {
      encoding: 'utf8',
      env: { ...process.env, AUDIT_OTLP_ENDPOINT: 'https://siem.example/v1/audit' },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

describeCollector(`through a Collector to another receiver${WITHOUT}`, () => {
  let far: FarSide;
  let collector: Collector;
  let stored: string[] = [];
  const accept: FarSide['answer'] = (response, seen, request) => {
    stored.push(seen.body);
    answer(200, '{}', { 'content-type': 'application/json' })(response, seen, request);
  };
  beforeAll(async () => {
    far = await farSide();
    collector = await Collector.start(binary!, far.url);
  });
  afterAll(async () => {
    await collector.dispose();
    await far.close();
  });

  sinkSuite('otlpSink in protobuf', async () => {
    stored = [];
    far.answer = accept;
    return {
      sink: otlpSink({ url: collector.url, compression: 'gzip' }),
      stored: async () => stored.flatMap(logRecordsOf).map(eventJsonOf),
      breakFarSide: async () => {
        far.answer = answer(503);
      },
      mendFarSide: async () => {
        far.answer = accept;
      },
    };
  });
});
