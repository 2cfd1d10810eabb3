import { describe, expect, it } from '@jest/globals';
import * as library from '@platformatic/kafka';
import fc from 'fast-check';
import { ByteSink } from '../../../src/sinks/kafka/byte-sink.js';
import { produceRequest } from '../../../src/sinks/kafka/produce.js';
import type { KafkaRecord } from '../../../src/sinks/kafka/producer.js';
import { encodeRecordBatch } from '../../../src/sinks/kafka/record-batch.js';

const sink = new ByteSink();
const timestamp = Date.parse('2026-01-31T12:00:00.250Z');
const producer = { producerId: 2n ** 40n, producerEpoch: 7 };

/** The same records as the client has them. */
function messagesOf(topic: string, partition: number, records: readonly KafkaRecord[]) {
  return records.map(({ key, value, headers }) => ({
    topic,
    partition,
    key: Buffer.from(key),
    value,
    headers: new Map(headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
    timestamp: BigInt(timestamp),
  }));
}

const texts = fc.string({ unit: 'grapheme', maxLength: 200 });
const sizes = fc.oneof(fc.nat(300), fc.nat(300_000));
const records = fc.array(
  fc.record<KafkaRecord>({
    key: texts,
    value: sizes.map((size) => Buffer.alloc(size, 'value')),
    headers: fc.array(fc.tuple(texts, texts), { maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 100 },
);

describe('a batch of records', () => {
  it('is byte for byte what the client makes of them', () => {
    fc.assert(
      fc.property(records, fc.nat(2 ** 31 - 1), (records, firstSequence) => {
        const head = { ...producer, timestamp, firstSequence };
        const ours = encodeRecordBatch(sink, records, head, library.crc32c);
        const sequences = new library.NumericMap([['audit:2', firstSequence]]);
        const messages = messagesOf('audit', 2, records);
        const { buffer } = library.createRecordsBatch(messages, { ...producer, sequences });
        expect(ours.equals(buffer)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a request', () => {
  it.each([7, 9] as const)('is byte for byte the client’s in version %d', (version) => {
    const { createRequest } = version === 9 ? library.produceV9 : library.produceV7;
    const record = (key: string): KafkaRecord => ({ key, value: Buffer.from('v'), headers: [] });
    const ofPartition = new Map([
      [0, [record('a'), record('b')]],
      [4, [record('c')]],
    ]);
    const batches = new Map<number, Buffer>();
    const messages = [];
    for (const [partition, records] of ofPartition) {
      const head = { ...producer, timestamp, firstSequence: 0 };
      batches.set(partition, encodeRecordBatch(sink, records, head, library.crc32c));
      messages.push(...messagesOf('audit', partition, records));
    }
    const ours = produceRequest({ library, version }, 'audit', batches, [0, 4]);
    const sequences = new library.NumericMap();
    const theirs = createRequest(-1, 5000, messages, { ...producer, sequences });
    expect(ours.buffer.toString('hex')).toBe(theirs.buffer.toString('hex'));
  });
});
