import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AuditEvent, createEvent } from '../../../src/event/event.js';
import { eventToJson } from '../../../src/event/json.js';
import type { SendContext } from '../../../src/sink.js';
import { kafkaSink } from '../../../src/sinks/kafka.js';
import { sinkSuite } from '../../../src/testing/sink-suite.js';
import {
  describeWithBroker,
  describeWithOwnBroker,
  isSame,
  newTopic,
  readTopic,
  useBroker,
  useOwnBroker,
} from './broker.js';

const live = (): SendContext => ({ signal: new AbortController().signal, attempt: 1 });
const ENCODINGS = ['protobuf', 'avro', 'json'] as const;

describeWithBroker('what another language reads from Kafka', () => {
  const broker = useBroker();

  it.each(ENCODINGS)('is what was sent: 10,000 events of every shape in %s', async (encoding) => {
    const { bootstrapServers } = broker.addresses;
    const topic = newTopic();
    const sink = kafkaSink({
      topic,
      encoding,
      bootstrapServers: [bootstrapServers],
      createTopic: true,
    });
    const events = everyShape(10_000);
    for (let at = 0; at < events.length; at += 500) {
      await sink.sendAudits(events.slice(at, at + 500), live());
    }
    await sink.close?.();
    const records = await readTopic(bootstrapServers, topic, encoding);
    expect(records).toHaveLength(events.length);
    const byId = new Map(events.map((event) => [event.id, event]));
    const options = { fields: encoding === 'json' ? 'full' : 'flipt' } as const;
    const different = records.filter((record) => {
      const sent = byId.get(record.headers['event-id']!);
      return (
        sent === undefined ||
        record.key !== sent.type ||
        !isSame(record, eventToJson(sent, options))
      );
    });
    expect(different.slice(0, 3)).toEqual([]);
    expect(new Set(records.map(({ headers }) => headers['event-id'])).size).toBe(events.length);
  });
});

describeWithOwnBroker('a broker that can be killed', () => {
  const broker = useOwnBroker('--no-registry');

  for (const encoding of ENCODINGS) {
    sinkSuite(`kafkaSink in ${encoding}`, async () => {
      const { bootstrapServers } = broker.addresses;
      const topic = newTopic();
      const sink = kafkaSink({
        topic,
        encoding,
        bootstrapServers: [bootstrapServers],
        createTopic: { partitions: 1 },
      });
      const sent = new Map<string, string>();
      return {
        sink: {
          ...sink,
          sendAudits: (events, context) => {
            for (const event of events) sent.set(event.id, eventToJson(event));
            return sink.sendAudits(events, context);
          },
        },
        stored: async () =>
          (await readTopic(bootstrapServers, topic, encoding)).map((record) => {
            const text = record.event.replace(/,"id":"[^"]*"\}$/, '}');
            const original = sent.get(record.headers['event-id']!)!;
            return isSame({ ...record, event: text }, original) ? original : text;
          }),
        breakFarSide: () => broker.order('kill-broker'),
        mendFarSide: () => broker.order('start-broker'),
      };
    });
  }
});

const types = ['flag', 'segment', 'rule', 'rollout', 'token', 'variant', 'größe'];

/** The same ones each time. Keys that look like numbers are not among them: Python keeps another order. */
function everyShape(count: number): AuditEvent[] {
  const text = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.string({ unit: 'grapheme', maxLength: 200 }),
  );
  const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
  const value = fc.jsonValue({
    maxDepth: 4,
    noUnicodeString: false,
  } as never) as fc.Arbitrary<unknown>;
  const shape = fc.oneof(
    fc.constant(undefined),
    fc.constant(null),
    fc.boolean(),
    text,
    number,
    value,
    fc.array(value, { maxLength: 5 }),
    fc.dictionary(text, value, { maxKeys: 8 }),
    fc.dictionary(text, fc.oneof(text, number, fc.boolean(), fc.constant(null)), { maxKeys: 20 }),
  );
  const actor = fc.option(
    fc.record(
      {
        authentication: fc.constantFrom('token', 'oidc', 'none'),
        ip: fc.ipV6(),
        email: fc.emailAddress(),
        name: text,
        picture: fc.webUrl(),
        role: value,
      },
      { requiredKeys: [] },
    ),
    { nil: undefined },
  );
  const event = fc.record({
    type: fc.constantFrom(...types),
    action: fc.constantFrom('created', 'updated', 'deleted'),
    status: fc.constantFrom('success', 'denied', ''),
    actor,
    payload: shape,
    timestamp: fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
  });
  return fc.sample(event, { numRuns: count, seed: 5 }).map((init) => createEvent(init as never));
}
