import { setTimeout } from 'node:timers/promises';
import type { Connection } from '@platformatic/kafka';
import { errorsIn, storedIn } from './fault.js';
import { type Library, PRODUCE, type Session } from './session.js';

/**
 * Stores a batch in each of some partitions, and takes every one that is stored out of the map. What may pass in
 * a moment is tried again within the call, which is safe: a batch has numbers, by which a broker knows it.
 *
 * @throws what the client throws, of several brokers in an `AggregateError`
 */
export async function produce(
  session: Session,
  topic: string,
  batches: Map<number, Buffer>,
  signal: AbortSignal,
): Promise<void> {
  for (let retry = 0; ; retry += 1) {
    const errors = await tryOnce(session, topic, batches, retry > 0);
    if (batches.size === 0) return;
    if (signal.aborted || retry === RETRIES || !errors.every(mayPass)) {
      throw new AggregateError(errors, 'not every partition has stored its records');
    }
    await setTimeout(RETRY_DELAY_MS, undefined, { signal });
  }
}

/** Within one attempt; they are what idempotence is for. Fewer than 2 mean for ever to the client. */
export const RETRIES = 2;
export const RETRY_DELAY_MS = 200;

function mayPass(error: unknown): boolean {
  return !errorsIn(error).some(({ canRetry }) => canRetry === false);
}

/** Asks every leader at once; returns what went wrong. */
async function tryOnce(
  session: Session,
  topic: string,
  batches: Map<number, Buffer>,
  forceUpdate: boolean,
): Promise<unknown[]> {
  const { brokers, topics } = await session.client.metadata({ topics: [topic], forceUpdate });
  const ledBy = new Map<number, number[]>();
  for (const partition of batches.keys()) {
    const leader = topics.get(topic)?.partitions[partition]?.leader ?? -1;
    ledBy.set(leader, [...(ledBy.get(leader) ?? []), partition]);
  }
  const errors: unknown[] = [];
  const asked = [...ledBy].map(async ([leader, partitions]) => {
    try {
      const broker = brokers.get(leader);
      if (broker === undefined) throw new Error(`partition ${partitions[0]} has no leader`);
      const connection = await session.client.connections.get(broker);
      const request = () => produceRequest(session, topic, batches, partitions);
      const response = await ask(session, connection, request);
      takeOut(batches, [{ response }]);
      const unsaid = partitions.find((partition) => batches.has(partition));
      if (unsaid !== undefined) throw new Error(`the answer says nothing of partition ${unsaid}`);
    } catch (error) {
      takeOut(batches, errorsIn(error)); // of a request, some may be stored
      errors.push(error);
    }
  });
  await Promise.all(asked);
  return errors;
}

function takeOut(batches: Map<number, Buffer>, answers: readonly { response?: unknown }[]): void {
  for (const partition of storedIn(answers)) batches.delete(partition);
}

type Request = ReturnType<Library['Writer']['create']>;

function ask(
  { library, version }: Session,
  connection: Connection,
  request: () => Request,
): Promise<unknown> {
  const { parseResponse } = version === 9 ? library.produceV9 : library.produceV7;
  const isFlexible = version === 9;
  return new Promise((resolve, reject) => {
    connection.send(
      PRODUCE,
      version,
      request,
      parseResponse,
      isFlexible,
      isFlexible,
      (error, response) => (error ? reject(error) : resolve(response)),
    );
  });
}

/** @see https://kafka.apache.org/protocol#The_Messages_Produce */
export function produceRequest(
  { library, version }: Pick<Session, 'library' | 'version'>,
  topic: string,
  batches: ReadonlyMap<number, Buffer>,
  partitions: readonly number[],
): Request {
  const isFlexible = version === 9; // short lengths, and tagged fields
  const request = library.Writer.create()
    .appendString(null, isFlexible) // no transaction
    .appendInt16(ALL_REPLICAS)
    .appendInt32(REPLICAS_MS)
    .appendArray(
      [topic],
      (writer) =>
        writer
          .appendString(topic, isFlexible)
          .appendArray(
            [...partitions],
            (each, partition) =>
              each.appendInt32(partition).appendBytes(batches.get(partition)!, isFlexible),
            isFlexible,
            isFlexible,
          ),
      isFlexible,
      isFlexible,
    );
  return isFlexible ? request.appendTaggedFields() : request;
}

const ALL_REPLICAS = -1;
/** How long a leader may wait for them. */
const REPLICAS_MS = 5000;
