import type { Attributes } from '@opentelemetry/api';
import { isPath } from './paths.js';

/** What a rule can look at: a text, a number, a truth value, or a list of them. */
export type AttributeValue = string | number | boolean | readonly unknown[];

/** Looks at an attribute, under its present name or an older one. */
export type AttributeReader = (attributes: Attributes) => AttributeValue | undefined;

/** Present names, and what instrumentations of earlier semantic conventions call the same. */
const OLDER: Readonly<Record<string, readonly string[]>> = {
  'http.request.method': ['http.method'],
  'http.response.status_code': ['http.status_code'],
  'url.full': ['http.url'],
  'url.scheme': ['http.scheme'],
  'user_agent.original': ['http.user_agent'],
  'client.address': ['http.client_ip'],
  'network.peer.address': ['net.sock.peer.addr', 'net.peer.ip'],
  'server.address': ['net.host.name'],
  'rpc.system.name': ['rpc.system'],
  'rpc.response.status_code': ['rpc.grpc.status_code', 'rpc.connect_rpc.error_code'],
  'db.system.name': ['db.system'],
  'db.namespace': ['db.name'],
  'db.operation.name': ['db.operation'],
  'db.collection.name': ['db.sql.table', 'db.mongodb.collection', 'db.cassandra.table'],
  'db.query.text': ['db.statement'],
  'messaging.operation.name': ['messaging.operation'],
  'messaging.destination.name': ['messaging.destination'],
};

/**
 * Reads what a rule names, by whichever semantic conventions the span was made. An old name stands for
 * the present one.
 */
export function readerOf(name: string): AttributeReader {
  const key = Object.keys(OLDER).find((present) => OLDER[present]!.includes(name)) ?? name;
  if (isPath(name)) return readPath;
  if (name === 'rpc.service') return readService;
  if (name === 'rpc.method') return readMethod;
  const [one, two, three, four] = [key, ...(Object.hasOwn(OLDER, key) ? OLDER[key]! : [])];
  // Written out, for a loop takes twice as long where the attribute is absent, as it mostly is.
  if (two === undefined) return (attributes) => asValue(attributes[one]);
  if (three === undefined) return (attributes) => asValue(attributes[one] ?? attributes[two]);
  const last = four ?? three;
  return (attributes) =>
    asValue(attributes[one] ?? attributes[two] ?? attributes[three] ?? attributes[last]);
}

function asValue(value: unknown): AttributeValue | undefined {
  if (value === undefined) return undefined;
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    default:
      return Array.isArray(value) ? value : undefined;
  }
}

/** Without the query, which older conventions keep in one with it. */
function readPath(attributes: Attributes): string | undefined {
  const value = attributes['url.path'] ?? attributes['http.target'];
  if (typeof value !== 'string') return undefined;
  const end = value.indexOf('?');
  return end < 0 ? value : value.slice(0, end);
}

// Present conventions have `package.Service/Method` in rpc.method, older ones have it in two.
function readService(attributes: Attributes): string | undefined {
  const { 'rpc.service': service, 'rpc.method': method } = attributes;
  if (typeof service === 'string') return service;
  const slash = typeof method === 'string' ? method.lastIndexOf('/') : -1;
  return slash < 0 ? undefined : (method as string).slice(0, slash);
}

function readMethod(attributes: Attributes): string | undefined {
  const method = attributes['rpc.method'];
  return typeof method === 'string' ? method.slice(method.lastIndexOf('/') + 1) : undefined;
}
