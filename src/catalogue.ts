import { Checker, type EventPairChecker } from './checker.js';
import { AuditError } from './errors.js';
import { type AuditEvent, type AuditEventInit, createEvent, nameFault } from './event/event.js';

/**
 * The part of Standard Schema that is used here, version 1 (standardschema.dev): what Zod, Valibot, ArkType and
 * others make.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) => StandardSchemaResult<Output> | Promise<StandardSchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a {@link StandardSchema} says of a value. */
export type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardSchemaIssue[] };

/** What is wrong with a value, and where. */
export interface StandardSchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Schemas of payloads by event pair, `type:action`. */
export type AuditEventSchemas = Readonly<Record<string, StandardSchema>>;

/** What a payload may be before its schema has seen it. */
export type PayloadInput<Schema> =
  Schema extends StandardSchema<infer Input, infer _Output> ? Input : never;

/** What a payload is then, and what is recorded. */
export type PayloadOutput<Schema> =
  Schema extends StandardSchema<infer _Input, infer Output> ? Output : never;

/** What {@link AuditEventCatalogue.createEvent} takes beside the pair. */
export type CatalogueInit<Schema> = Omit<AuditEventInit, 'type' | 'action' | 'payload'> &
  (undefined extends PayloadInput<Schema>
    ? { readonly payload?: PayloadInput<Schema> }
    : { readonly payload: PayloadInput<Schema> });

type InitArguments<Schema> =
  undefined extends PayloadInput<Schema>
    ? [init?: CatalogueInit<Schema>]
    : [init: CatalogueInit<Schema>];

/** The audit events that an application knows; made by {@link defineAuditEvents}. */
export interface AuditEventCatalogue<Schemas extends AuditEventSchemas> {
  readonly pairs: readonly (keyof Schemas & string)[];
  /** Lets exactly these pairs pass, for the option `checker`. */
  readonly checker: EventPairChecker;
  /**
   * `createEvent` of one of the pairs. Recorded is what its schema makes of the payload, with defaults and
   * transformations.
   *
   * @throws {AuditError} `invalid-event`: for a payload that the schema refuses, naming the places, with the
   * schema's own words in `cause`; for a pair that is not there; for a schema that validates asynchronously
   */
  createEvent<Pair extends keyof Schemas & string>(
    pair: Pair,
    ...init: InitArguments<Schemas[Pair]>
  ): AuditEvent<PayloadOutput<Schemas[Pair]>>;
  /** The same for any schema, also one that validates asynchronously. Rejects with what that throws. */
  createEventAsync<Pair extends keyof Schemas & string>(
    pair: Pair,
    ...init: InitArguments<Schemas[Pair]>
  ): Promise<AuditEvent<PayloadOutput<Schemas[Pair]>>>;
}

/**
 * The events of an application, each with the schema of its payload: their pairs are completed and checked by
 * the compiler, as are the payloads, and those are validated when an event is made. For a pair without a
 * payload take a schema of `undefined`.
 *
 * @throws {AuditError} `invalid-option`, naming the pair, for one that is none, or without a schema
 * @example
 * const audits = defineAuditEvents({
 *   'invoice:refunded': z.object({ invoice: z.string(), cents: z.int() }),
 * });
 * const exporter = new SinkSpanExporter({ sinks, checker: audits.checker });
 * addEventToSpan(
 *   audits.createEvent('invoice:refunded', { payload: { invoice: 'F-12', cents: 1250 } }),
 * );
 */
export function defineAuditEvents<const Schemas extends AuditEventSchemas>(
  schemas: Schemas & {
    readonly [Pair in keyof Schemas]: Pair extends `${string}:${string}` ? unknown : never;
  },
): AuditEventCatalogue<Schemas> {
  if (typeof schemas !== 'object' || schemas === null) {
    throw new AuditError('invalid-option', 'defineAuditEvents takes schemas by event pair');
  }
  const known = new Map(Object.entries<StandardSchema>(schemas).map(entryOf));
  const pairs = [...known.keys()];
  const validate = (pair: string, payload: unknown) => {
    const entry = known.get(pair);
    if (entry !== undefined) return { ...entry, result: entry.schema.validate(payload) };
    const message = `${JSON.stringify(pair)} is no event of the catalogue; there are ${pairs.join(', ')}`;
    throw new AuditError('invalid-event', message);
  };
  return Object.freeze({
    pairs: Object.freeze(pairs),
    checker: new Checker(pairs, { nouns: 'any', verbs: 'any' }),
    createEvent(pair: string, init?: AuditEventInit) {
      const { type, action, result } = validate(pair, init?.payload);
      if (!isPromise(result)) {
        return createEvent({ ...init, type, action, payload: outputOf(pair, result) });
      }
      result.then(undefined, () => {}); // nobody waits for it
      throw new AuditError(
        'invalid-event',
        `the schema of ${pair} validates asynchronously: use createEventAsync`,
      );
    },
    async createEventAsync(pair: string, init?: AuditEventInit) {
      const given = { ...init }; // what is changed meanwhile does not count
      const { type, action, result } = validate(pair, given.payload);
      return createEvent({ ...given, type, action, payload: outputOf(pair, await result) });
    },
  }) as unknown as AuditEventCatalogue<Schemas>;
}

type Entry = { type: string; action: string; schema: StandardSchema['~standard'] };

function entryOf([pair, schema]: [string, StandardSchema]): [string, Entry] {
  const refuse = (fault: string) =>
    new AuditError('invalid-option', `defineAuditEvents: ${JSON.stringify(pair)} ${fault}`);
  const [type = '', action, ...more] = pair.split(':');
  if (action === undefined || more.length > 0) {
    throw refuse('is no event pair: it looks like invoice:refunded');
  }
  const fault = nameFault(type) ?? nameFault(action);
  if (fault !== undefined) throw refuse(`is no event pair: each half ${fault}`);
  const standard = schema?.['~standard'];
  if (typeof standard?.validate !== 'function' || standard.version !== 1) {
    throw refuse(
      'has no schema: it must be a Standard Schema, as Zod, Valibot and others make them',
    );
  }
  return [pair, { type, action, schema: standard }];
}

const MAX_ISSUES = 10;
const MAX_PLACE_LENGTH = 200;

function outputOf(pair: string, result: StandardSchemaResult<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  const places = new Set(result.issues.slice(0, MAX_ISSUES).map(placeOf));
  // A schema's own words may quote the value.
  throw new AuditError(
    'invalid-event',
    `${pair}: the schema refuses ${[...places].join(', ')} (see the cause)`,
    { cause: result.issues },
  );
}

function placeOf({ path = [] }: StandardSchemaIssue): string {
  const keys = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  return ['payload', ...keys].join('.').slice(0, MAX_PLACE_LENGTH);
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}
