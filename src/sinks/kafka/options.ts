import {
  invalidOption,
  requireCount,
  requireMembers,
  requireWord,
  show,
} from '../../http/options.js';

/** How to reach the brokers. */
export interface Cluster {
  /** The factory, for messages. */
  readonly sink: string;
  readonly bootstrapServers: readonly string[];
  readonly sasl: Sasl | undefined;
  readonly tls: { readonly ca?: string | Buffer; readonly rejectUnauthorized: boolean } | undefined;
  /** A topic that is missing is made so; undefined: it is a fault. */
  readonly createTopic: { readonly partitions: number; readonly replicas: number } | undefined;
}

export interface Sasl {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'PLAIN';
  readonly username: string;
  readonly password: string;
}

/** How to log in (SASL). */
export interface KafkaAuthentication {
  readonly username: string;
  readonly password: string;
  /** Default: `SCRAM-SHA-256`. `PLAIN` sends the password as it is, so let `requireTls` go with it. */
  readonly mechanism?: 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'PLAIN' | undefined;
}

/** A topic's name as Kafka has it. */
export function requireTopic(path: string, value: unknown): string {
  if (
    typeof value === 'string' &&
    /^[A-Za-z0-9._-]{1,249}$/.test(value) &&
    !/^\.\.?$/.test(value)
  ) {
    return value;
  }
  const fault =
    'must be 1 to 249 letters, digits, dots, underscores and hyphens, and neither . nor ..';
  throw invalidOption(path, `${fault}, not ${show(value)}`);
}

export function requireServers(path: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidOption(path, `must be an array of host:port, at least one, not ${show(value)}`);
  }
  for (const server of value) {
    if (typeof server !== 'string' || !SERVER.test(server)) {
      throw invalidOption(path, `must be an array of host:port, and ${show(server)} is none`);
    }
  }
  return [...value];
}

/** `kafka-1.example:9092`, `[::1]:9092`; the port may be left out. */
const SERVER = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

export function requireSasl(
  path: string,
  given: KafkaAuthentication | undefined,
): Sasl | undefined {
  if (given === undefined) return undefined;
  const { username, password, mechanism } = requireMembers(path, given, [
    'username',
    'password',
    'mechanism',
  ]);
  for (const [name, value] of Object.entries({ username, password })) {
    if (typeof value !== 'string' || value === '') {
      throw invalidOption(`${path}.${name}`, 'must be a string that is not empty');
    }
  }
  return {
    username,
    password,
    mechanism: requireWord(`${path}.mechanism`, mechanism ?? 'SCRAM-SHA-256', [
      'SCRAM-SHA-256',
      'SCRAM-SHA-512',
      'PLAIN',
    ]),
  };
}

export function requireTls(
  sink: string,
  given: {
    readonly requireTls?: boolean | undefined;
    readonly insecureSkipTls?: boolean | undefined;
    readonly ca?: string | Buffer | undefined;
  },
): Cluster['tls'] {
  const tls = requireSwitch(`${sink}.requireTls`, given.requireTls);
  const insecure = requireSwitch(`${sink}.insecureSkipTls`, given.insecureSkipTls);
  const { ca } = given;
  if (ca !== undefined) {
    const text = typeof ca === 'string' || Buffer.isBuffer(ca) ? ca.toString() : '';
    if (!text.includes('-----BEGIN CERTIFICATE-----')) {
      throw invalidOption(`${sink}.ca`, 'must be certificates in PEM, not the name of their file');
    }
    if (!tls) throw invalidOption(`${sink}.ca`, 'is for requireTls: true');
  }
  if (!tls) return undefined;
  return { rejectUnauthorized: !insecure, ...(ca === undefined ? {} : { ca }) };
}

export function requireSwitch(path: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw invalidOption(path, `must be true or false, not ${show(value)}`);
}

/** How to make a topic that is missing. */
export interface CreateTopicOptions {
  /** Default: what the broker says (`num.partitions`). */
  readonly partitions?: number | undefined;
  /** Default: what the broker says (`default.replication.factor`). */
  readonly replicationFactor?: number | undefined;
}

export function requireCreateTopic(path: string, value: unknown): Cluster['createTopic'] {
  if (value === undefined || value === false) return undefined;
  const options = value === true ? {} : (value as CreateTopicOptions);
  const { partitions, replicationFactor } = requireMembers(path, options, [
    'partitions',
    'replicationFactor',
  ]);
  const count = (name: string, given: number | undefined, most: number) =>
    given === undefined ? FROM_THE_BROKER : requireCount(`${path}.${name}`, given, most);
  return {
    partitions: count('partitions', partitions, 100_000),
    replicas: count('replicationFactor', replicationFactor, 1000),
  };
}

const FROM_THE_BROKER = -1;
