import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { types } from 'node:util';

/** What stands in a payload for a body that is not there to pick from. */
export interface Omitted {
  readonly omitted: string;
}

/** A copy of a body as it passes, up to a bound; beyond it nothing is kept. */
export class BodyCopy {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isWhole = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: unknown, encoding: unknown): void {
    const isText = typeof chunk === 'string';
    if (!isText && !types.isUint8Array(chunk)) return;
    // A text of n characters has at least n bytes in UTF-8, so what is too long is not converted first.
    if (this.#bytes + chunk.length > this.#maxBytes) {
      this.#chunks = [];
      this.#bytes = this.#maxBytes + 1;
      return;
    }
    // Bytes are copied, for whoever wrote them may use their memory again.
    const kept = isText
      ? Buffer.from(chunk, isEncoding(encoding) ? encoding : 'utf8')
      : Buffer.from(chunk);
    this.#chunks.push(kept);
    this.#bytes += kept.byteLength;
  }

  /** Nothing more is to come. */
  close(): void {
    this.#isWhole = true;
  }

  /** The body, read as what its headers say it is: an {@link Omitted} where it cannot be. */
  read(type: unknown, encoding: unknown): unknown {
    if (!this.#isWhole) return omitted('it was not whole');
    if (this.#bytes > this.#maxBytes) return omitted(`it is larger than ${this.#maxBytes} bytes`);
    if (encoding !== undefined && encoding !== 'identity') return omitted('it is compressed');
    const text = Buffer.concat(this.#chunks).toString('utf8');
    if (text === '') return undefined;
    if (!isJson(type)) return text;
    try {
      return JSON.parse(text);
    } catch {
      return omitted('it is not JSON');
    }
  }
}

/** Copies an answer's body as the handler writes it. Returns what reads it. */
export function copyResponse(response: ServerResponse, maxBytes: number): () => unknown {
  const copy = new BodyCopy(maxBytes);
  const { writeHead, write, end } = response;
  let head: readonly unknown[] = [];
  let isEnding = false; // an end() that calls write() brings nothing new
  response.writeHead = function (this: ServerResponse, ...given: unknown[]) {
    head = given;
    return Reflect.apply(writeHead, this, given);
  } as ServerResponse['writeHead'];
  response.write = function (this: ServerResponse, ...given: unknown[]) {
    if (!isEnding) copy.add(given[0], given[1]);
    return Reflect.apply(write, this, given);
  } as ServerResponse['write'];
  response.end = function (this: ServerResponse, ...given: unknown[]) {
    if (!isEnding) {
      isEnding = true;
      copy.add(given[0], given[1]);
      copy.close();
    }
    return Reflect.apply(end, this, given);
  } as ServerResponse['end'];
  const header = (name: string) => givenHeader(head, name) ?? response.getHeader(name);
  return () => copy.read(header('content-type'), header('content-encoding'));
}

/** A header among what `writeHead` takes, which Node does not keep: an object, a flat list or pairs. */
function givenHeader(head: readonly unknown[], name: string): unknown {
  const headers = head.at(-1);
  if (typeof headers !== 'object' || headers === null) return undefined;
  const flat = Array.isArray(headers) ? headers.flat(1) : Object.entries(headers).flat(1);
  const index = flat.findIndex((one, at) => at % 2 === 0 && String(one).toLowerCase() === name);
  return index < 0 ? undefined : flat[index + 1];
}

/** Copies a request's body as it arrives, however the handler reads it. Returns what reads it. */
export function copyRequest(request: IncomingMessage, maxBytes: number): () => unknown {
  const copy = new BodyCopy(maxBytes);
  const { push, headers } = request;
  request.push = function (this: IncomingMessage, chunk: unknown, encoding?: BufferEncoding) {
    if (chunk === null) copy.close();
    else copy.add(chunk, encoding);
    return Reflect.apply(push, this, [chunk, encoding]);
  };
  return () => copy.read(headers['content-type'], headers['content-encoding']);
}

/** Reads a Web message, whose body is JSON or not waited for. */
export async function readMessage(message: Request | Response, maxBytes: number): Promise<unknown> {
  const type = message.headers.get('content-type') ?? undefined;
  if (message.body === null) return undefined;
  if (!isJson(type)) {
    await message.body.cancel();
    return omitted('it is not JSON');
  }
  const copy = new BodyCopy(maxBytes);
  for await (const chunk of message.body) copy.add(chunk, undefined);
  copy.close();
  return copy.read(type, message.headers.get('content-encoding') ?? undefined);
}

const isJson = (type: unknown): boolean =>
  typeof type === 'string' && /^[^;]*[/+]json\s*(?:;|$)/i.test(type);

const isEncoding = (encoding: unknown): encoding is BufferEncoding =>
  typeof encoding === 'string' && Buffer.isEncoding(encoding);

/**
 * The named members of a body, own ones alone; a body is anybody's. What is more than the bound, or
 * nothing to pick from, is named instead.
 */
export function pick(
  body: unknown,
  members: readonly string[],
  maxBytes: number,
): { readonly [member: string]: unknown } | Omitted {
  if (isOmitted(body)) return body;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return omitted(body === undefined ? 'there is none' : 'it is not an object');
  }
  const picked: { [member: string]: unknown } = {};
  let mayBeLarge = false;
  for (const member of members) {
    if (!Object.hasOwn(body, member)) continue;
    const value = (body as { readonly [member: string]: unknown })[member];
    if (member === '__proto__') setPlainly(picked, member, value);
    else picked[member] = value;
    // A character takes six bytes at most: `\\u0000`.
    const length = typeof value === 'string' ? value.length * 6 : 32;
    mayBeLarge ||= typeof value === 'object' || length * members.length > maxBytes;
  }
  return mayBeLarge && Buffer.byteLength(JSON.stringify(picked)) > maxBytes
    ? omitted(`what was picked is larger than ${maxBytes} bytes`)
    : picked;
}

/** As data, not as the prototype. */
function setPlainly(target: object, member: string, value: unknown): void {
  Object.defineProperty(target, member, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

const OMITTED = new WeakSet<object>();

function omitted(reason: string): Omitted {
  const note = { omitted: `the body is left out: ${reason}` };
  OMITTED.add(note);
  return note;
}

const isOmitted = (body: unknown): body is Omitted =>
  typeof body === 'object' && body !== null && OMITTED.has(body);
