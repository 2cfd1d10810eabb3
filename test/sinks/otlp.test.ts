import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AuditError } from '../../src/errors.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import type { RecordInfo, SendContext } from '../../src/sink.js';
import { SinkError } from '../../src/sink.js';
import { type OtlpSinkOptions, otlpSink } from '../../src/sinks/otlp.js';
import { sinkSuite } from '../../src/testing/sink-suite.js';
import { diagLog } from '../support/diag-log.js';
import { fakeClock } from '../support/fake-clock.js';
import { answer, type FarSide, farSide } from '../support/far-side.js';
import { attributesOf, eventJsonOf, logRecordsOf } from '../support/otlp-json.js';

const signal = new AbortController().signal;
const live: SendContext = { signal, attempt: 1 };
const resource = { attributes: { 'service.name': 'flags' } };
const clock = () => fakeClock(Date.UTC(2026, 0, 31, 12));
const event = (id = 'e-1', timestamp = '2026-01-31T12:00:00.000Z') =>
  createEvent({ id, type: 'flag', action: 'created', payload: { key: 'k' }, timestamp });

const log = diagLog();
let far: FarSide;
beforeEach(async () => {
  far = await farSide();
});
afterEach(() => far.close());

/** Sends with a sink of its own. */
async function send(
  options: OtlpSinkOptions,
  events: readonly AuditEvent[] = [event()],
  context: SendContext = live,
): Promise<void> {
  const sink = otlpSink({ url: far.url, encoding: 'json', resource, clock: clock(), ...options });
  try {
    await sink.sendAudits(events, context);
  } finally {
    await sink.close?.();
  }
}

async function faultOf(sending: Promise<void>): Promise<SinkError> {
  const error = await sending.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SinkError);
  return error as SinkError;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const PROTOBUF_TYPE = { 'content-type': 'application/x-protobuf' };

sinkSuite('otlpSink in JSON', async () => {
  const side = await farSide();
  const stored: string[] = [];
  const accept: FarSide['answer'] = (response, seen) => {
    stored.push(seen.body);
    response.writeHead(200, JSON_TYPE).end('{"partialSuccess":{}}');
  };
  side.answer = accept;
  return {
    sink: otlpSink({ url: side.url, encoding: 'json' }),
    stored: async () => stored.flatMap(logRecordsOf).map(eventJsonOf),
    breakFarSide: async () => {
      side.answer = answer(503);
    },
    mendFarSide: async () => {
      side.answer = accept;
    },
    dispose: () => side.close(),
  };
});

describe('a request', () => {
  it('is, in JSON, byte for byte', async () => {
    const records: RecordInfo[] = [
      {
        sequence: 1,
        hash: 'a'.repeat(64),
        previousHash: 'b'.repeat(64),
        stream: 's',
        recordedAt: '2026-01-31T12:00:00.004Z',
      },
    ];
    await send({ url: `${far.url}/v1/audit`, headers: { authorization: 'Bearer t' } }, [event()], {
      ...live,
      records,
    });
    const [seen] = far.seen;
    expect(seen?.body).toBe(VECTOR);
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/v1/audit',
      headers: { 'content-type': 'application/json', authorization: 'Bearer t' },
    });
  });

  it('carries protobuf, compressed or not, by its headers', async () => {
    const bodies: Buffer[] = [];
    const heads: IncomingHttpHeaders[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      bodies.push(Buffer.concat(chunks));
      heads.push(request.headers);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { url, encoding: 'protobuf', clock: clock() } as const;
    await send(options);
    await send({ ...options, compression: 'gzip' });
    server.close();
    expect(heads[0]?.['content-type']).toBe('application/x-protobuf');
    expect(heads[0]?.['content-encoding']).toBeUndefined();
    expect(heads[1]?.['content-encoding']).toBe('gzip');
    expect(gunzipSync(bodies[1]!)).toEqual(bodies[0]);
    expect(bodies[0]?.includes('audit.record.id')).toBe(true);
  });
});

/** Frozen: what receivers have learnt to read must not change unseen. */
const VECTOR = `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"flags"}}],"droppedAttributesCount":0},"scopeLogs":[{"scope":{"name":""},"logRecords":[{"timeUnixNano":"1769860800000000000","observedTimeUnixNano":"1769860800004000000","body":{"kvlistValue":{"values":[{"key":"key","value":{"stringValue":"k"}}]}},"eventName":"flag.created","attributes":[{"key":"audit.record.id","value":{"stringValue":"e-1"}},{"key":"audit.actor.id","value":{"stringValue":"anonymous"}},{"key":"audit.actor.type","value":{"stringValue":"user"}},{"key":"audit.action","value":{"stringValue":"CREATE"}},{"key":"audit.outcome","value":{"stringValue":"success"}},{"key":"audit.target.type","value":{"stringValue":"flag"}},{"key":"audit.schema.version","value":{"stringValue":"0.2"}},{"key":"audit.target.id","value":{"stringValue":"k"}},{"key":"otel_audit.ledger.sequence","value":{"intValue":1}},{"key":"otel_audit.ledger.hash","value":{"stringValue":"${'a'.repeat(64)}"}},{"key":"otel_audit.ledger.previous_hash","value":{"stringValue":"${'b'.repeat(64)}"}},{"key":"otel_audit.ledger.stream","value":{"stringValue":"s"}}],"droppedAttributesCount":0}]}]}]}`;

describe('what the receiver answers', () => {
  it.each([
    ['nothing', 200, '', JSON_TYPE],
    ['an empty reply', 200, '{}', JSON_TYPE],
    ['an empty partial success', 200, '{"partialSuccess":{}}', JSON_TYPE],
    ['no records rejected', 200, '{"partialSuccess":{"rejectedLogRecords":"0"}}', JSON_TYPE],
    ['an empty partial success in protobuf', 200, '\x0a\x00', PROTOBUF_TYPE],
    ['a reply that is not OTLP', 202, 'queued', { 'content-type': 'text/plain' }],
    ['no content', 204, '', {}],
  ])('%s counts as stored', async (_, status, body, headers) => {
    far.answer = answer(status, body, headers as Record<string, string>);
    await send({});
    expect(log.lines).toEqual([]);
  });

  it.each([
    ['JSON', '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too\\nold"}}', JSON_TYPE],
    [
      'JSON with a number',
      '{"partialSuccess":{"rejectedLogRecords":2,"errorMessage":"too\\nold"}}',
      JSON_TYPE,
    ],
    ['protobuf', '\x0a\x0b\x08\x02\x12\x07too\nold', PROTOBUF_TYPE],
  ])('rejected records, told in %s, fail the whole batch for now', async (_, body, headers) => {
    far.answer = answer(200, body, headers);
    const fault = await faultOf(send({}, [event('a'), event('b'), event('c')]));
    expect(fault).toMatchObject({
      fault: 'transient',
      message: `${far.url} rejected 2 of the records: too\\nold`,
    });
    expect(fault.failed).toBeUndefined();
  });

  it.each([
    ['broken JSON', '{"partialSuccess":', JSON_TYPE],
    ['broken protobuf', '\x0a\x7f\x08', PROTOBUF_TYPE],
    ['a success with more behind it than is read', `{}${' '.repeat(20_000)}x`, JSON_TYPE],
    ['more than is read', `{"partialSuccess":{"errorMessage":"${'x'.repeat(20_000)}"}}`, JSON_TYPE],
  ])('a reply that cannot be read fails the batch for now: %s', async (_, body, headers) => {
    far.answer = answer(200, body, headers);
    expect(await faultOf(send({}))).toMatchObject({
      fault: 'transient',
      message: `${far.url} answered 200 with a body that cannot be read`,
    });
  });

  it('207 fails the whole batch for now', async () => {
    far.answer = answer(207, '{}', JSON_TYPE);
    expect(await faultOf(send({}))).toMatchObject({ fault: 'transient' });
  });

  it.each([
    [409, 'event'],
    [400, 'event'],
    [401, 'sink'],
    [404, 'sink'],
    [429, 'transient'],
    [503, 'transient'],
  ])('%i is the fault of: %s', async (status, fault) => {
    far.answer = answer(status);
    expect(await faultOf(send({}))).toMatchObject({ fault });
  });

  it('a remark with nothing rejected is passed on once a burst', async () => {
    far.answer = answer(200, '{"partialSuccess":{"errorMessage":"slow down"}}', JSON_TYPE);
    const sink = otlpSink({ url: far.url, encoding: 'json', resource, clock: clock() });
    await sink.sendAudits([event('a')], live);
    await sink.sendAudits([event('b')], live);
    await sink.close?.();
    expect(log.lines).toEqual([`warn otel-audit: otlpSink: ${far.url} remarks: slow down`]);
  });
});

describe('an event that is no audit record', () => {
  const without = (member: string) => ({ ...event(), [member]: '' });

  it('is refused by itself, and the others are sent', async () => {
    const sending = send({}, [event('a'), without('id'), event('b'), without('type')]);
    const fault = await faultOf(sending);
    expect(fault).toMatchObject({ fault: 'event', failed: [1, 3] });
    expect(fault.message).toContain('id');
    const ids = logRecordsOf(far.seen[0]!.body).map((one) => attributesOf(one)['audit.record.id']);
    expect(ids).toEqual(['a', 'b']);
  });

  it('is not what is told while the others are not stored either', async () => {
    far.answer = answer(503);
    const fault = await faultOf(send({}, [event('a'), without('id')]));
    expect(fault).toMatchObject({ fault: 'transient' });
    expect(fault.failed).toBeUndefined();
  });

  it('makes no request when it is alone', async () => {
    expect(await faultOf(send({}, [without('id')]))).toMatchObject({ fault: 'event', failed: [0] });
    expect(far.seen).toEqual([]);
  });

  it('may be no event at all', async () => {
    const none = { id: 'x' } as unknown as AuditEvent;
    expect(await faultOf(send({}, [none]))).toMatchObject({ fault: 'event' });
  });
});

describe('ObservedTimestamp without a ledger', () => {
  it('is when the sink first saw the event, and stays so through retries', async () => {
    const time = clock();
    const sink = otlpSink({ url: far.url, encoding: 'json', resource, clock: time });
    const one = event();
    far.answer = answer(503);
    await faultOf(sink.sendAudits([one], live));
    time.advance(1500);
    far.answer = answer(200);
    await sink.sendAudits([one], { signal, attempt: 2 });
    await sink.close?.();
    expect(far.seen[1]?.body).toBe(far.seen[0]?.body);
    expect(logRecordsOf(far.seen[0]!.body)[0]?.observedTimeUnixNano).toBe('1769860800000000000');
  });
});

describe('a skew between timestamp and time of record', () => {
  it('over 5 s is told once a burst, in both directions, at the first attempt', async () => {
    const time = clock();
    const sink = otlpSink({ url: far.url, encoding: 'json', resource, clock: time });
    const at = (id: string, text: string) => event(id, `2026-01-31T${text}.000Z`);
    await sink.sendAudits([at('a', '11:59:55'), at('b', '12:00:05')], live);
    expect(log.lines).toEqual([]);
    await sink.sendAudits([at('c', '11:59:54'), at('d', '11:00:00')], live);
    time.advance(6000);
    await sink.sendAudits([at('e', '13:00:00')], { signal, attempt: 2 });
    await sink.sendAudits([at('f', '13:00:00')], live);
    await sink.close?.();
    expect(log.lines).toHaveLength(2);
    expect(log.lines[0]).toContain('event c and the time at which it was seen lie 6 s');
    expect(log.lines[1]).toContain('event f');
    expect(log.lines[1]).toContain('1 more');
  });
});

describe('options', () => {
  const bad = (options: object) => () => otlpSink(options as OtlpSinkOptions);

  it.each([
    [{ uri: 'x' }, 'uri'],
    [{ url: 'ftp://x' }, 'otlpSink.url'],
    [{ encoding: 'xml' }, 'otlpSink.encoding'],
    [{ compression: 'br' }, 'otlpSink.compression'],
    [{ headers: { 'Content-Type': 'x' } }, 'otlpSink.headers'],
    [{ headers: { 'content-encoding': 'x' } }, 'otlpSink.headers'],
    [{ resource: 'flags' }, 'otlpSink.resource'],
    [{ resource: {} }, 'otlpSink.resource.attributes'],
    [{ resource: { attributes: { a: {} } } }, 'otlpSink.resource.attributes["a"]'],
    [{ resource: { attributes: {}, schemaUrl: 1 } }, 'otlpSink.resource.schemaUrl'],
    [{ dispatcher: {} }, 'otlpSink.dispatcher'],
  ])('%j is refused, and named', (options, name) => {
    expect(bad(options)).toThrow(AuditError);
    expect(bad(options)).toThrow(name);
  });

  it('may be left out', async () => {
    const sink = otlpSink();
    await sink.close?.();
  });
});
