import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { root } from '../../package/packed.js';

/** Where scripts/kafka.mjs listens. */
export interface Addresses {
  /** Without TLS and login. */
  readonly bootstrapServers: string;
  readonly saslPlaintext: string;
  readonly tls: string;
  readonly saslTls: string;
  readonly ca: string;
  readonly username: string;
  readonly password: string;
  /** The schema registry's URL. */
  readonly registry: string;
}

type Order = 'kill-broker' | 'start-broker' | 'kill-registry' | 'start-registry';

interface Folders {
  readonly kafka: string;
  readonly registry: string;
  readonly reader: string;
}

/** Asked of the script that knows them, for Jest cannot import it. */
const folders: Folders = JSON.parse(
  spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { folders } from './scripts/kafka/places.mjs'; console.log(JSON.stringify(folders));`,
    ],
    { cwd: root, encoding: 'utf8' },
  ).stdout,
);

/** Kafka of our own can be started: Java is here, and what scripts/fetch-kafka.mjs fetches. */
const canStart =
  existsSync(folders.kafka) &&
  existsSync(folders.registry) &&
  spawnSync('java', ['-version']).status === 0;
const canRead = existsSync(join(folders.reader, 'whole'));
const given = process.env.KAFKA_BOOTSTRAP_SERVERS;

/** Shown as skipped where there is no broker, or nothing that reads topics. CI skips none. */
export const describeWithBroker =
  process.env.CI !== undefined || ((given !== undefined || canStart) && canRead)
    ? describe
    : describe.skip;
/** The same for what needs a broker that listens in every way, and that may be killed. */
export const describeWithOwnBroker =
  process.env.CI !== undefined || (canStart && canRead) ? describe : describe.skip;

/** Starts Kafka for a test file with scripts/kafka.mjs. */
export class Broker {
  readonly #script: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  addresses!: Addresses;

  static async start(args: readonly string[] = []): Promise<Broker> {
    const broker = new Broker(args);
    broker.addresses = await broker.#next();
    return broker;
  }

  private constructor(args: readonly string[]) {
    this.#script = spawn(process.execPath, [join(root, 'scripts/kafka.mjs'), ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#script.stdout! })[Symbol.asyncIterator]();
  }

  /** Resolves once it is done. */
  async order(order: Order): Promise<void> {
    this.#script.stdin!.write(`${order}\n`);
    await this.#next();
  }

  async stop(): Promise<void> {
    const ended = once(this.#script, 'exit');
    this.#script.stdin!.end();
    await ended;
  }

  async #next<Message>(): Promise<Message> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('scripts/kafka.mjs ended');
    return JSON.parse(value) as Message;
  }
}

/** A broker for a describe block: the given one, or one of our own. */
export function useBroker(): { readonly addresses: Pick<Addresses, 'bootstrapServers'> } {
  let broker: Broker | undefined;
  if (given !== undefined) return { addresses: { bootstrapServers: given } };
  beforeAll(async () => {
    broker = await Broker.start(['--no-registry']);
  });
  afterAll(() => broker?.stop());
  return {
    get addresses() {
      return broker!.addresses;
    },
  };
}

/** One of our own, with or without a registry. */
export function useOwnBroker(...args: readonly '--no-registry'[]): Broker {
  let broker: Broker | undefined;
  beforeAll(async () => {
    broker = await Broker.start(args);
  });
  afterAll(() => broker?.stop());
  return new Proxy({} as Broker, {
    get: (_, name) => {
      const value = Reflect.get(broker!, name, broker);
      return typeof value === 'function' ? value.bind(broker) : value;
    },
  });
}

/** A record as scripts/kafka/reader.py tells of it: librdkafka, Google's protobuf, fastavro. */
export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly schema: number | null;
  readonly event: string;
}

/**
 * Whether what was read is the event that was sent. The members of a map have no order in protobuf and Avro,
 * but the text that a header holds must be the very same.
 */
export function isSame({ headers, event }: ReadRecord, sent: string): boolean {
  if (event === sent) return true;
  if (headers['event-payload'] !== undefined) return false;
  return isDeepStrictEqual(JSON.parse(event), JSON.parse(sent));
}

let topics = 0;

/** A name that no other test has, in a broker that may be given and full. */
export function newTopic(): string {
  topics += 1;
  return `otel-audit.${process.pid}.${Date.now()}.${topics}`;
}

/** Everything in a topic, in the order of each partition. */
export async function readTopic(
  servers: string,
  topic: string,
  encoding: 'protobuf' | 'avro' | 'json',
  ...flags: readonly ('--framed' | '--plain')[]
): Promise<ReadRecord[]> {
  const program = join(root, 'scripts/kafka/reader.py');
  const child = spawn(
    join(folders.reader, 'bin/python'),
    [program, servers, topic, encoding, ...flags],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said: string[] = [];
  const read: Buffer[] = [];
  child.stderr.on('data', (data) => said.push(String(data)));
  child.stdout.on('data', (data) => read.push(data));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the reader ended with ${code}: ${said.join('')}`);
  // Not by node:readline, for which U+2028 ends a line from Node 24 on.
  const lines = Buffer.concat(read).toString().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as ReadRecord);
}
