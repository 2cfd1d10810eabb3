import type { Attributes } from '@opentelemetry/api';
import { jsonFault } from '../event/texts.js';

/** The attributes that make a span event ours, as the decoder looks at them. */
export const AUDIT_KEYS = [
  'flipt.event.version',
  'flipt.event.action',
  'flipt.event.type',
  'flipt.event.timestamp',
  'flipt.event.status',
  'flipt.event.metadata.actor',
  'flipt.event.payload',
  'flipt.event.id',
] as const;

/** Of one value; the attributes of a malformed event are evidence, not a way to fill a disk. */
const MAX_VALUE_BYTES = 64 * 1024;

/**
 * Those of the attributes that are ours as one line of well-formed JSON, whatever they are. A value
 * that takes more than 64 KiB is reduced to `{"length":…,"sha256":"…"}`, both of the UTF-8 of the text
 * itself or, where it is none, of its JSON. What JSON cannot carry is a text in brackets.
 */
export function attributesToText(attributes: Attributes): string {
  return toText(attributes, MAX_VALUE_BYTES);
}

/** {@link attributesToText} with every value reduced, for nobody knows what of it is to be hidden. */
export function attributesToDigests(attributes: Attributes): string {
  return toText(attributes, 0);
}

function toText(attributes: Attributes, maxBytes: number): string {
  const members: string[] = [];
  for (const key of AUDIT_KEYS) {
    const value = valueToText(attributes, key, maxBytes);
    if (value !== undefined) members.push(`"${key}":${value}`);
  }
  return `{${members.join(',')}}`;
}

function valueToText(attributes: Attributes, key: string, maxBytes: number): string | undefined {
  try {
    const value: unknown = attributes[key];
    if (value === undefined) return undefined;
    if (typeof value === 'string') return bound(value, JSON.stringify, maxBytes);
    const json = JSON.stringify(value, carry) as string | undefined; // a toJSON may give nothing
    return json === undefined ? '"[nothing]"' : bound(json, () => json, maxBytes);
  } catch (error) {
    return `"[${jsonFault(error)}]"`; // a getter, a proxy or a toJSON of the application's
  }
}

function bound(text: string, toJson: (text: string) => string, maxBytes: number): string {
  // What is too long as it is need not be quoted, which could make it too long for a string.
  if (text.length <= maxBytes) {
    const json = toJson(text);
    if (Buffer.byteLength(json) <= maxBytes) return json;
  }
  // Loaded when needed: `node:crypto` takes a fifth of the time that loading the package takes.
  const { createHash } = process.getBuiltinModule('node:crypto');
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `{"length":${Buffer.byteLength(text)},"sha256":"${sha256}"}`;
}

/** What `JSON.stringify` refuses or leaves out without a word. */
function carry(_key: string, value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return `[${value}n]`;
    case 'function':
    case 'symbol':
      return `[${typeof value}]`;
    case 'number':
      return Number.isFinite(value) ? value : `[${value}]`;
    default:
      return value;
  }
}
