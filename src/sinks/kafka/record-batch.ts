import type { ByteSink } from './byte-sink.js';
import type { KafkaRecord } from './producer.js';

/** What a batch says beside its records. */
export interface BatchHead {
  /** When it was sent, in milliseconds since 1970. */
  readonly timestamp: number;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** The first record's number among all that this producer sent to the partition. */
  readonly firstSequence: number;
}

/**
 * The records of one partition as a batch, in the format of Kafka 0.11 and later, ready to be sent as often as it
 * takes. The client would make the same bytes, out of a dozen small Buffers a record, which takes longer than all
 * that a sink does.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
export function encodeRecordBatch(
  sink: ByteSink,
  records: readonly KafkaRecord[],
  { timestamp, producerId, producerEpoch, firstSequence }: BatchHead,
  crc32c: (bytes: Buffer) => number,
): Buffer {
  sink.begin(HEAD_BYTES + mostBytes(records));
  sink.at += HEAD_BYTES;
  for (let index = 0; index < records.length; index += 1) writeRecord(sink, records[index]!, index);
  const batch = sink.finish();
  batch.writeBigInt64BE(0n, 0); // the first offset is the broker's to give
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(0, 12); // the leader's epoch, too
  batch.writeInt8(2, 16); // the format
  batch.writeInt16BE(0, 21); // not compressed, no transaction
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(timestamp), 27); // of the first record
  batch.writeBigInt64BE(BigInt(timestamp), 35); // of the latest
  batch.writeBigInt64BE(producerId, 43);
  batch.writeInt16BE(producerEpoch, 51);
  batch.writeInt32BE(firstSequence, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

const HEAD_BYTES = 61;

// Numbers are signed, in zigzag: 2 n.

function writeRecord(sink: ByteSink, { key, value, headers }: KafkaRecord, index: number): void {
  sink.at += LENGTH_BYTES;
  const from = sink.at;
  sink.byte(0); // attributes, of which there are none
  sink.byte(0); // the time, after the batch's
  sink.varint(index * 2);
  writeText(sink, key);
  sink.varint(value.length * 2);
  sink.append(value);
  sink.varint(headers.length * 2);
  for (const [name, text] of headers) {
    writeText(sink, name);
    writeText(sink, text);
  }
  sink.lengthBefore(from, LENGTH_BYTES, 2);
}

/** What a record's length takes, if it is neither tiny nor large. */
const LENGTH_BYTES = 2;

function writeText(sink: ByteSink, text: string): void {
  sink.at += 1;
  const from = sink.at;
  sink.text(text);
  sink.lengthBefore(from, 1, 2);
}

/** A number takes five bytes at most, a UTF-16 unit three. */
function mostBytes(records: readonly KafkaRecord[]): number {
  let bytes = 0;
  for (const { key, value, headers } of records) {
    bytes += 32 + 3 * key.length + value.length;
    for (const [name, text] of headers) bytes += 10 + 3 * (name.length + text.length);
  }
  return bytes;
}
