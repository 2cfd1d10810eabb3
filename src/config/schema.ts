import { z } from 'zod';
import type { SpanRule } from '../exporter/rules.js';
import {
  bytes,
  choice,
  fieldNotes,
  flag,
  fliptDuration,
  MAX_TIMER_MS,
  milliseconds,
  number,
  secret,
  secretsByName,
  template,
  text,
  texts,
  word,
} from './fields.js';

/** An object of which every key is known. */
function section<Shape extends z.ZodRawShape>(description: string, shape: Shape) {
  return z.strictObject(shape, { error: 'must be an object' }).describe(description);
}

/** One of Flipt's, of which only these keys are read. */
function openSection<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object(shape, { error: 'must be an object' });
}

/** A field that may be left out; `fallback` is what counts then, for the reference. */
function optional<Field extends z.ZodType>(
  one: Field,
  description: string,
  fallback?: unknown,
): z.ZodOptional<Field> {
  const about = fallback === undefined ? {} : { default: fallback };
  return z.optional(one).meta({ description, ...about });
}

/** A field that may not be left out. */
function required<Field extends z.ZodType>(one: Field, description: string): Field {
  const described = one.meta({ ...one.meta(), description });
  const notes = fieldNotes.get(one);
  if (notes !== undefined) fieldNotes.set(described, notes);
  return described;
}

function list<Field extends z.ZodType>(one: Field, allowed: string) {
  return z.array(one, { error: `must be ${allowed}` }).max(1000, { error: `must be ${allowed}` });
}

const delivery = section('How events are delivered: batches, deadlines, retries.', {
  maxBatch: optional(number(1, 1_000_000), 'Events a batch.', 512),
  maxBatchBytes: optional(
    bytes(1),
    'Bytes of event JSON a batch; a larger event travels alone.',
    '1MiB',
  ),
  maxDelayMs: optional(
    milliseconds(0, MAX_TIMER_MS),
    'How long events wait for company while nobody waits for them.',
    1000,
  ),
  timeoutMs: optional(milliseconds(1, MAX_TIMER_MS), 'Deadline of one attempt.', 30_000),
  backoff: optional(
    section('Waiting between attempts: exponential, with full jitter.', {
      initialMs: optional(milliseconds(1, MAX_TIMER_MS), 'The first wait, at most.', 1000),
      maxMs: optional(milliseconds(1, MAX_TIMER_MS), 'The longest wait.', 30_000),
      factor: optional(number(1, 1000, { whole: false }), 'By how much it grows.', 2),
    }),
    'Waiting between attempts: exponential, with full jitter.',
  ),
  maxElapsedMs: optional(
    milliseconds(1, Number.POSITIVE_INFINITY),
    'How long an event that keeps failing alone, while others get through, is tried before it becomes a dead letter; without a ledger: how long a batch is tried before it is given up. Default: 24 h, without a ledger 5 minutes.',
  ),
});

/** What every sink takes beside its own. */
const ofEverySink = {
  enabled: optional(flag(), 'Whether events go there.', false),
  events: optional(
    texts('a list of event pairs such as flag:created'),
    'Event pairs that go there, of those that pass `audit.events`.',
    ['*:*'],
  ),
  delivery: optional(
    delivery,
    'How events are delivered there; what is left out is as in `audit.delivery`.',
  ),
  startAt: optional(
    word(['beginning', 'end']),
    'Where it begins when it is added to a ledger that holds records already.',
    'end',
  ),
};

const fields = () =>
  optional(word(['flipt', 'full']), '`full` adds `id` and `trace` to the event JSON.', 'flipt');
const headers = () => optional(secretsByName(), 'Headers of your own, by name.');
const concurrency = () =>
  optional(number(1, 256), 'Requests side by side; above 1 their order is lost.', 1);

const log = section('Lines to a file or to stdout.', {
  ...ofEverySink,
  file: optional(text(), 'The file to append to; folders are made. Empty: stdout.', ''),
  encoding: optional(
    word(['console', 'json']),
    'Empty: what `log.encoding` beside `audit` says, otherwise `console`.',
    '',
  ),
  fields: fields(),
  reopenOnSighup: optional(flag(), 'Open the file anew on SIGHUP, for logrotate.', false),
});

const webhook = section('Posts to a URL, or by templates. Needs the package undici.', {
  ...ofEverySink,
  url: optional(text('an http or https URL'), 'Where each event is posted; or `templates`.', ''),
  max_backoff_duration: optional(
    fliptDuration(),
    'The longest wait between attempts, as `delivery.backoff.maxMs`.',
    '15s',
  ),
  signing_secret: optional(
    secret(),
    'Signs the body with HMAC-SHA256: header `x-flipt-webhook-signature`.',
    '',
  ),
  templates: optional(
    list(
      section('A request, its body a Go text/template over the event.', {
        url: optional(text('an http or https URL'), 'Where it is posted.'),
        name: optional(
          text('a name of lower-case letters, digits and hyphens'),
          'Its place in the ledger goes by this name, whatever becomes of the list: the lane is `webhook-<name>`.',
        ),
        body: optional(template(), 'Go text/template; makes JSON.'),
        headers: headers(),
        method: optional(
          word(['POST']),
          "In one of Flipt's samples, which ignores it: every request is a POST.",
          'POST',
        ),
      }),
      'a list of { url, body, headers }',
    ),
    'Requests with bodies of your own making, in place of `url`.',
    [],
  ),
  standardWebhooks: optional(
    section('Signatures by the Standard Webhooks specification.', {
      secrets: required(
        texts('a list of texts, each whsec_ and a key in base64', { secret: true }),
        'Each `whsec_` and a key in base64; one signature a secret, so that they can be rotated.',
      ),
    }),
    'Signs id, time and body by the Standard Webhooks specification.',
  ),
  headers: headers(),
  mode: optional(
    word(['each', 'batch']),
    '`each`: a request an event. `batch`: a request a batch, an array.',
    'each',
  ),
  concurrency: concurrency(),
  fields: fields(),
});

const kafka = section('Produces to a Kafka topic. Needs the package @platformatic/kafka.', {
  ...ofEverySink,
  topic: optional(text(), 'The topic.'),
  bootstrap_servers: optional(texts('a list of host:port'), 'Brokers to begin with.', []),
  encoding: optional(
    word(['protobuf', 'avro', 'json']),
    'How events are written; Flipt knows no `json`.',
    'protobuf',
  ),
  authentication: optional(
    section('How to log in (SASL).', {
      username: optional(text(), 'The user.'),
      password: optional(secret(), 'The password.'),
      mechanism: optional(
        word(['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN']),
        '`PLAIN` sends the password as it is: let `require_tls` go with it.',
        'SCRAM-SHA-256',
      ),
    }),
    'How to log in (SASL).',
  ),
  schema_registry: optional(
    section("A Confluent schema registry; the topic's schema is registered there.", {
      url: optional(text('an http or https URL'), "The registry's URL."),
    }),
    "A Confluent schema registry; the topic's schema is registered there.",
  ),
  require_tls: optional(flag(), 'Connect with TLS.', false),
  insecure_skip_tls: optional(flag(), "Do not check the broker's certificate.", false),
  ca: optional(text(), "Certificates in PEM to trust instead of Node's; best as `${file:/path}`."),
  createTopic: optional(flag(), 'Make the topic where it is missing.', false),
});

const cloud = section(
  'Posts to Flipt Cloud; host and key stand beside `audit`: `cloud.host`, `cloud.authentication.api_key`.',
  { ...ofEverySink, concurrency: concurrency() },
);

const otlp = section(
  'OTLP log records over HTTP, a request a batch. Needs undici and @opentelemetry/otlp-transformer.',
  {
    ...ofEverySink,
    url: optional(
      text('an http or https URL'),
      'Where batches are posted, path included.',
      'http://localhost:4318/v1/audit',
    ),
    headers: headers(),
    encoding: optional(word(['protobuf', 'json']), 'How records are written.', 'protobuf'),
    compression: optional(word(['gzip', 'none']), 'How requests are compressed.', 'none'),
  },
);

const checkpoint = section('Signed checkpoints: heads of a Merkle tree over the records.', {
  origin: required(
    text('the name of the log, such as audit.example.com/shop'),
    "The log's name in its checkpoints: a URL without a scheme.",
  ),
  key: required(
    secret('a private key in PEM, best as ${file:/path}'),
    'The Ed25519 key that signs, as PKCS#8 in PEM; best as `${file:/path}`.',
  ),
  everyRecords: optional(
    number(1, 2 ** 32),
    'A checkpoint is made once so many records are durable and not covered,',
    65_536,
  ),
  everyMs: optional(
    milliseconds(1, MAX_TIMER_MS),
    'and at the latest so long after the first of them.',
    60_000,
  ),
});

const ledger = section('The folder that keeps every event.', {
  directory: optional(
    text("a folder's path"),
    "The folder, made when missing; a relative path counts from the process's working directory.",
    './audit',
  ),
  slots: optional(
    flag(),
    'Several writers on one host, each in the lowest free `<directory>/0`, `/1`…',
    false,
  ),
  maxSegmentBytes: optional(bytes(1024), "A file's bound.", '64MiB'),
  maxWaitingBytes: optional(
    bytes(0),
    'Bound on accepted events that are not on disk yet, as when the disk is full.',
    '64MiB',
  ),
  retain: optional(
    section('What may be removed once every sink has it. Default: nothing.', {
      maxAgeMs: optional(
        milliseconds(0, Number.MAX_SAFE_INTEGER),
        "The age of a file's newest record.",
      ),
      maxBytes: optional(bytes(0), 'All files together.'),
    }),
    'What may be removed, by whole files, once every sink has it. Default: nothing.',
  ),
  checkpoint: optional(checkpoint, 'Signed checkpoints of the ledger.'),
});

const redact = section('Values that are hidden before anything is written.', {
  paths: required(
    texts('a list of paths such as payload.password'),
    'Paths into the event, such as `payload.user.ssn`; `**.ssn`: members of this name at any depth; `credentials`: whatever names itself one.',
  ),
  mode: required(choice(['remove', 'mask', 'hmac']), 'What becomes of a value.'),
  key: optional(secret(), 'The key of mode `hmac`, and of no other.'),
});

const words = (name: string) =>
  optional(texts('any, or a list of words'), `The ${name} there are; \`any\`: every one.`);

/** `spanRules` reads them itself; here they have to be data. */
const rules = list(
  z.record(z.string(), z.json(), { error: 'must be an object' }),
  'a list of rules, each an object',
) as unknown as z.ZodType<readonly SpanRule[], readonly SpanRule[]>;

const audit = section('What is audited and where it goes.', {
  events: optional(
    texts('a list of event pairs such as flag:created, *:deleted or *:*'),
    'Event pairs that pass, `type:action`; `*` stands for any. `*:*` alone, without a vocabulary: every event.',
    ['*:*'],
  ),
  vocabulary: optional(
    section('The words that event pairs may consist of.', {
      nouns: words('nouns'),
      verbs: words('verbs'),
    }),
    'The words that event pairs may consist of.',
  ),
  sinks: optional(
    section('Where events go.', {
      log: optional(log, log.description!),
      webhook: optional(webhook, webhook.description!),
      kafka: optional(kafka, kafka.description!),
      cloud: optional(cloud, cloud.description!),
      otlp: optional(otlp, otlp.description!),
    }),
    'Where events go. A sink that is not enabled counts for nothing.',
  ),
  buffer: optional(
    section("Flipt's words for the size and the delay of a batch.", {
      capacity: optional(number(1, 1_000_000), 'As `delivery.maxBatch`.'),
      flush_period: optional(fliptDuration(), 'As `delivery.maxDelayMs`.'),
    }),
    "Flipt's words for the size and the delay of a batch.",
  ),
  delivery: optional(
    delivery,
    'How events are delivered, for every sink that does not say otherwise.',
  ),
  ledger: optional(
    z.union([z.literal(false), z.string(), ledger], {
      error: "must be a folder's path, false or an object",
    }),
    'The folder that keeps every event, or `false`: events wait in memory. With a file the default is `./audit`.',
  ),
  redact: optional(redact, 'Values that are hidden before anything is written.'),
  rules: optional(rules, 'Audit events made from ordinary spans, as `spanRules` takes them.'),
  maxEventBytes: optional(bytes(1, 64 * 2 ** 20), "Bytes of an event's JSON.", '4MiB'),
});

/** What of a file is read; Flipt's other sections stand beside it and are ignored. */
export const configSchema = openSection({
  audit: optional(audit, 'What is audited and where it goes.'),
  log: optional(
    openSection({
      encoding: optional(word(['console', 'json']), "The log sink's, where that names none."),
    }),
    "Flipt's; only `encoding` is read.",
  ),
  cloud: optional(
    openSection({
      host: optional(text('the name of a host'), "Flipt Cloud's host.", 'flipt.cloud'),
      authentication: optional(
        openSection({ api_key: optional(secret(), "Flipt Cloud's key.") }),
        'The key for Flipt Cloud.',
      ),
    }),
    "Flipt's; read for `audit.sinks.cloud`.",
  ),
});

/** A configuration as a file or code says it. */
export type AuditConfig = z.input<typeof configSchema>;
/** The same, read. */
export type Settings = z.output<typeof configSchema>;
