import { createHttpClient, type HttpClient } from '../../http/client.js';
import { requireHeaders } from '../../http/headers.js';
import { invalidOption, requireMembers } from '../../http/options.js';
import type { HttpDispatcher } from '../../http/undici.js';
import { requireUrl } from '../../http/url.js';
import { SinkError } from '../../sink.js';
import { type KafkaEncoding, SCHEMAS } from './schemas.js';

/** A schema registry with Confluent's API. */
export interface SchemaRegistryOptions {
  /** http or https, as far as `/subjects`: `https://registry.example`, `http://host:8080/apis/ccompat/v7`. */
  readonly url: string | URL;
  /** Default: the credentials in the URL, if there are any. */
  readonly auth?:
    | { readonly username: string; readonly password: string }
    | { readonly token: string }
    | undefined;
  /** A dispatcher of undici 7, for a custom CA or a proxy. It is used and not closed. */
  readonly dispatcher?: HttpDispatcher | undefined;
}

/** The bytes before each value by which a reader finds its schema. */
export class SchemaRegistry {
  readonly #client: HttpClient;
  readonly #encoding: KafkaEncoding;
  readonly #name: string;
  #frame: Buffer | undefined;

  /** @throws {AuditError} `invalid-option`, naming the option. */
  constructor(sink: string, given: SchemaRegistryOptions, topic: string, encoding: KafkaEncoding) {
    const path = `${sink}.schemaRegistry`;
    const { url, auth, dispatcher } = requireMembers(path, given, ['url', 'auth', 'dispatcher']);
    requireUrl(`${path}.url`, url);
    const subject = new URL(String(url));
    subject.pathname = `${subject.pathname.replace(/\/$/, '')}/subjects/${encodeURIComponent(`${topic}-value`)}/versions`;
    this.#name = sink;
    this.#encoding = encoding;
    this.#client = createHttpClient({
      sink,
      url: requireUrl(`${path}.url`, subject),
      headers: requireHeaders(`${path}.auth`, authorization(`${path}.auth`, auth), {
        defaults: {
          'content-type': 'application/vnd.schemaregistry.v1+json',
          accept: 'application/vnd.schemaregistry.v1+json, application/json',
        },
      }),
      connections: 1,
      dispatcher,
    });
  }

  /**
   * Registers the schema as `<topic>-value` when first asked, and remembers what it got.
   *
   * @throws {SinkError} `transient` where the registry cannot be had, `sink` where it refuses.
   * @see https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
   */
  async frame(signal: AbortSignal): Promise<Buffer> {
    this.#frame ??= frameOf(await this.#register(signal), this.#encoding);
    return this.#frame;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #register(signal: AbortSignal): Promise<number> {
    const { schemaType, schema } = SCHEMAS[this.#encoding];
    // Registries from before 2020 know Avro alone, and no word for it.
    const body = JSON.stringify(schemaType === 'AVRO' ? { schema } : { schemaType, schema });
    let said: Buffer;
    try {
      said = (await this.#client.send({ body }, signal)).body;
    } catch (error) {
      // A schema that is refused, as incompatible for example, is no fault of the event's.
      const fault = error instanceof SinkError && error.fault !== 'event' ? error.fault : 'sink';
      throw new SinkError(fault, `${this.#name}: schema registry ${(error as Error).message}`, {
        cause: error,
        retryAfterMs: error instanceof SinkError ? error.retryAfterMs : undefined,
      });
    }
    const id = idIn(said);
    if (id !== undefined) return id;
    throw new SinkError(
      'sink',
      `${this.#name}: the schema registry answered without an id: ${this.#client.quote(said)}`,
    );
  }
}

function authorization(path: string, auth: SchemaRegistryOptions['auth']) {
  if (auth === undefined) return undefined;
  const { username, password, token } = requireMembers(
    path,
    auth as { username?: string; password?: string; token?: string },
    ['username', 'password', 'token'],
  );
  if (
    typeof token === 'string' &&
    token !== '' &&
    username === undefined &&
    password === undefined
  ) {
    return { authorization: `Bearer ${token}` };
  }
  if (token === undefined && typeof username === 'string' && typeof password === 'string') {
    const pair = Buffer.from(`${username}:${password}`).toString('base64');
    return { authorization: `Basic ${pair}` };
  }
  throw invalidOption(path, 'must be { username, password } or { token }, each of them a string');
}

/** The reply is the registry's, to be distrusted. */
function idIn(body: Buffer): number | undefined {
  try {
    const { id } = JSON.parse(body.toString()) as { id?: unknown };
    return Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31
      ? (id as number)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Event is the third message of the .proto, so its path is one index long: 2. Both are in zigzag. */
const MESSAGE_INDEXES = [2, 4];

function frameOf(id: number, encoding: KafkaEncoding): Buffer {
  const frame = Buffer.from([0, 0, 0, 0, 0, ...(encoding === 'protobuf' ? MESSAGE_INDEXES : [])]);
  frame.writeInt32BE(id, 1);
  return frame;
}
