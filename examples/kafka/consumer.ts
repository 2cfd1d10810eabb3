import { Consumer } from '@platformatic/kafka';
import { parse } from './event.js';

/** Where to read, and how many events to wait for. */
export interface ConsumerOptions {
  readonly topic: string;
  readonly bootstrapServers: readonly string[];
  readonly count: number;
}

/**
 * Reads the topic from its beginning and prints each event once: delivery is at least once, and the header
 * `event-id` tells a second copy.
 */
export async function consume({
  topic,
  bootstrapServers,
  count,
}: ConsumerOptions): Promise<number> {
  const consumer = new Consumer({
    clientId: 'audit-example',
    groupId: `audit-example-${process.pid}`,
    bootstrapBrokers: [...bootstrapServers],
  });
  const messages = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: true });
  const seen = new Set<string>();
  for await (const { key, value, headers, partition, offset } of messages) {
    const id = idIn(headers);
    if (seen.has(id)) continue;
    seen.add(id);
    const event = parse(value);
    console.log(`${partition}:${offset} ${key} ${id} ${JSON.stringify(event)}`);
    if (seen.size === count) break;
  }
  await messages.close();
  await consumer.close(true);
  return seen.size;
}

/** The names are bytes too. */
function idIn(headers: ReadonlyMap<Buffer, Buffer>): string {
  for (const [name, value] of headers) if (name.toString() === 'event-id') return value.toString();
  return '';
}
