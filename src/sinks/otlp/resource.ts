import { basename } from 'node:path';
import type { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { warn } from '../../diagnostics.js';
import { type SpanResource, seenResource } from '../../event/span-resource.js';
import { invalidOption, show } from '../../http/options.js';

/** The resource that stands over the records: given, seen on spans, or from the environment. */
export class ResourceSource {
  readonly #given: SpanResource | undefined;
  #fromEnvironment: SpanResource | undefined;
  /** Reading an SDK's attributes gathers them anew each time. */
  #read: { readonly from: SpanResource; readonly resource: SpanResource } | undefined;

  constructor(given: SpanResource | undefined) {
    this.#given = given;
  }

  /** Waits for an SDK's detectors where they are still at work. */
  async current(signal: AbortSignal): Promise<SpanResource> {
    const from = this.#given ?? seenResource() ?? this.#environment();
    if (this.#read?.from === from) return this.#read.resource;
    if (from.asyncAttributesPending === true) await settled(from, signal);
    const { attributes, schemaUrl } = from;
    const resource = { attributes, schemaUrl };
    this.#read = { from, resource };
    return resource;
  }

  #environment(): SpanResource {
    this.#fromEnvironment ??= { attributes: attributesFromEnvironment(process.env) };
    return this.#fromEnvironment;
  }
}

/** Detectors may hang; the deadline of the send is theirs too. */
async function settled(resource: SpanResource, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    Promise.resolve(resource.waitForAsyncAttributes?.())
      .catch(() => {}) // a detector that fails leaves its attributes out
      .then(resolve)
      .finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
  });
}

// The type holds the name to the conventions without asking for their package at run time.
const SERVICE_NAME: typeof ATTR_SERVICE_NAME = 'service.name';

/**
 * The attributes that the environment gives, as OpenTelemetry's Resource SDK reads them.
 *
 * @see https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable
 */
export function attributesFromEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const given = parseAttributes(env.OTEL_RESOURCE_ATTRIBUTES ?? '');
  const name = env.OTEL_SERVICE_NAME;
  return {
    [SERVICE_NAME]: `unknown_service:${basename(process.execPath)}`,
    ...given,
    ...(name ? { [SERVICE_NAME]: name } : {}),
  };
}

function parseAttributes(list: string): Record<string, string> {
  const attributes: [string, string][] = [];
  for (const pair of list.split(',')) {
    if (pair.trim() === '') continue;
    const [key = '', ...rest] = pair.split('=');
    try {
      if (rest.length !== 1 || key.trim() === '') throw new TypeError('no pair');
      attributes.push([decodeURIComponent(key.trim()), decodeURIComponent(rest[0]!.trim())]);
    } catch {
      // As the specification asks: the whole value counts for nothing.
      warn('otlpSink: OTEL_RESOURCE_ATTRIBUTES is no list of key=value pairs and is left out');
      return {};
    }
  }
  return Object.fromEntries(attributes);
}

/** @throws {AuditError} `invalid-option` for what is no resource. */
export function requireResource(path: string, value: unknown): SpanResource | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidOption(path, `must be an object with attributes, not ${show(value)}`);
  }
  const resource = value as SpanResource;
  // An SDK's is read later: asking it now, while its detectors work, makes it complain.
  if (typeof resource.waitForAsyncAttributes === 'function') return resource;
  const { attributes, schemaUrl } = resource;
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    throw invalidOption(`${path}.attributes`, `must be an object, not ${show(attributes)}`);
  }
  for (const [key, one] of Object.entries(attributes)) {
    const parts = Array.isArray(one) ? one : [one];
    if (parts.every((part) => ['string', 'number', 'boolean'].includes(typeof part))) continue;
    const fault = `must be a string, a number, a boolean or an array of them, not ${show(one)}`;
    throw invalidOption(`${path}.attributes[${show(key)}]`, fault);
  }
  if (schemaUrl !== undefined && typeof schemaUrl !== 'string') {
    throw invalidOption(`${path}.schemaUrl`, `must be a string, not ${show(schemaUrl)}`);
  }
  return resource;
}
