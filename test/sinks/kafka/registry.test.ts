import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createEvent } from '../../../src/event/event.js';
import { type SendContext, SinkError } from '../../../src/sink.js';
import { SCHEMAS } from '../../../src/sinks/kafka/schemas.js';
import {
  type KafkaBatch,
  kafkaSink,
  type SchemaRegistryOptions,
} from '../../../src/sinks/kafka.js';
import { root } from '../../package/packed.js';
import { type FarSide, farSide } from '../../support/far-side.js';

// What a registry is told and may answer; a real one is in kafka.test.ts.

const live = (): SendContext => ({ signal: new AbortController().signal, attempt: 1 });
const event = createEvent({ type: 'flag', action: 'created' });
const ENCODINGS = ['protobuf', 'avro', 'json'] as const;

let far: FarSide;
beforeEach(async () => {
  far = await farSide();
});
afterEach(() => far.close());

function answering(status: number, body: string): void {
  far.answer = (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };
}

/** Sends one event and returns its record's value. */
async function send(
  schemaRegistry: Partial<SchemaRegistryOptions> = {},
  encoding: (typeof ENCODINGS)[number] = 'protobuf',
  times = 1,
): Promise<Buffer> {
  const batches: KafkaBatch[] = [];
  const sink = kafkaSink({
    topic: 'audit.log',
    encoding,
    schemaRegistry: { url: far.url, ...schemaRegistry },
    producer: {
      send: async (batch) => {
        batches.push(batch);
      },
    },
  });
  try {
    for (let n = 0; n < times; n += 1) await sink.sendAudits([event], live());
  } finally {
    await sink.close?.();
  }
  return batches[0]!.records[0]!.value;
}

async function faultOf(sending: Promise<unknown>): Promise<SinkError> {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SinkError);
  return error as SinkError;
}

describe('a schema', () => {
  it.each([
    ['protobuf', 'audit-event.proto'],
    ['avro', 'audit-event.avsc'],
    ['json', 'audit-event.schema.json'],
  ] as const)('for %s is the one in schemas/%s', (encoding, file) => {
    const shipped = readFileSync(join(root, 'schemas', file), 'utf8');
    const { schema } = SCHEMAS[encoding];
    if (encoding === 'protobuf') expect(schema).toBe(shipped);
    else expect(JSON.parse(schema)).toEqual(JSON.parse(shipped));
  });

  it.each(ENCODINGS)('for %s is registered under the topic’s name, once', async (encoding) => {
    answering(200, '{"id":66051}');
    const value = await send({ url: `${far.url}/apis/ccompat/v7/` }, encoding, 3);
    expect(far.seen).toHaveLength(1);
    expect(far.seen[0]?.method).toBe('POST');
    expect(far.seen[0]?.url).toBe('/apis/ccompat/v7/subjects/audit.log-value/versions');
    expect(far.seen[0]?.headers['content-type']).toBe('application/vnd.schemaregistry.v1+json');
    const { schema, schemaType } = SCHEMAS[encoding];
    const body = encoding === 'avro' ? { schema } : { schemaType, schema };
    expect(JSON.parse(far.seen[0]!.body)).toEqual(body);
    const frame = encoding === 'protobuf' ? '00000102030204' : '0000010203';
    expect(value.toString('hex').slice(0, frame.length)).toBe(frame);
  });
});

describe('a registry', () => {
  it.each([
    [{ username: 'ada', password: 's3cret' }, `Basic ${btoa('ada:s3cret')}`],
    [{ token: 's3cret' }, 'Bearer s3cret'],
  ])('gets the credentials %j, and they are in no message', async (auth, header) => {
    answering(401, `no: ${header} s3cret`);
    const error = await faultOf(send({ auth }));
    expect(far.seen[0]?.headers.authorization).toBe(header);
    expect(error.fault).toBe('sink');
    expect(error.message).toMatch(/^kafkaSink: schema registry .*401 Unauthorized/);
    expect(error.message).not.toMatch(/s3cret|czNjcmV0/);
  });

  it.each([
    [409, '{"error_code":409,"message":"incompatible"}', 'sink'],
    [422, '{"error_code":42201,"message":"invalid"}', 'sink'],
    [404, 'not here', 'sink'],
    [503, 'later', 'transient'],
    [200, '{"id":"1"}', 'sink'],
    [200, '{"id":-1}', 'sink'],
    [200, '{"id":4294967296}', 'sink'],
    [200, 'null', 'sink'],
    [200, '<html>', 'sink'],
  ] as const)('that answers %i %s is no fault of the event’s', async (status, body, fault) => {
    answering(status, body);
    expect((await faultOf(send())).fault).toBe(fault);
  });

  it('is asked again after it failed', async () => {
    let asked = 0;
    far.answer = (response) => {
      asked += 1;
      response.writeHead(asked === 1 ? 500 : 200).end('{"id":1}');
    };
    const sink = kafkaSink({
      topic: 'audit',
      schemaRegistry: { url: far.url },
      producer: { send: async () => {} },
    });
    expect((await faultOf(sink.sendAudits([event], live()))).fault).toBe('transient');
    await sink.sendAudits([event], live());
    await sink.close?.();
    expect(asked).toBe(2);
  });

  it.each([{}, { token: '' }, { username: 'a' }, { token: 'a', username: 'b', password: 'c' }])(
    'takes no credentials like %j',
    (auth) => {
      const make = () =>
        kafkaSink({
          topic: 'audit',
          bootstrapServers: ['a:1'],
          schemaRegistry: { url: 'http://a', auth: auth as never },
        });
      expect(make).toThrow('kafkaSink.schemaRegistry.auth must be');
    },
  );
});
