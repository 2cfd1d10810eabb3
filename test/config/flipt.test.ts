import { describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { configRig, faultsOf, refusal } from './support.js';

const rig = configRig();

/** A configuration as Flipt takes it, in one line of YAML or by environment. */
interface FliptCase {
  readonly what: string;
  readonly audit?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly beside?: string;
  /** What Flipt says; nothing where it starts. */
  readonly says?: string;
}

const withLog = (more: string) => `{ sinks: { log: { enabled: true, file: ./log.txt } }, ${more} }`;
const CAPACITY = 'buffer capacity below 2 or above 10';
const FLUSH = 'flush period below 2 minutes or greater than 5 minutes';

// From Flipt's own tests of its configuration (internal/config/testdata/audit), and each limit.
const CASES: readonly FliptCase[] = [
  { what: 'nothing at all' },
  {
    what: 'a capacity above 10',
    audit: withLog('buffer: { capacity: 1000, flush_period: 2m }'),
    says: CAPACITY,
  },
  { what: 'a capacity below 2', audit: withLog('buffer: { capacity: 1 }'), says: CAPACITY },
  { what: 'a capacity of 0', audit: withLog('buffer: { capacity: 0 }'), says: CAPACITY },
  { what: 'a capacity below 0', audit: withLog('buffer: { capacity: -1 }'), says: CAPACITY },
  { what: 'a capacity of 2', audit: withLog('buffer: { capacity: 2 }') },
  { what: 'a capacity of 10', audit: withLog('buffer: { capacity: "10" }') },
  {
    what: 'a flush period of half an hour',
    audit: withLog('buffer: { capacity: 2, flush_period: 30m }'),
    says: FLUSH,
  },
  {
    what: 'a flush period below 2 minutes',
    audit: withLog('buffer: { flush_period: 1m59s }'),
    says: FLUSH,
  },
  { what: 'a flush period of 0', audit: withLog('buffer: { flush_period: 0s }'), says: FLUSH },
  { what: 'a flush period of 2 minutes', audit: withLog('buffer: { flush_period: 120s }') },
  {
    what: 'a flush period of 5 minutes in nanoseconds',
    audit: withLog('buffer: { flush_period: 300000000000 }'),
  },
  { what: 'limits without a sink', audit: '{ buffer: { capacity: 1000 } }', says: CAPACITY },
  {
    what: 'both limits: the capacity comes first',
    audit: withLog('buffer: { capacity: 1, flush_period: 1m }'),
    says: CAPACITY,
  },
  { what: 'a log without a file', audit: '{ sinks: { log: { enabled: true } } }' },
  {
    what: 'a webhook without URL and templates',
    audit: '{ sinks: { webhook: { enabled: true } } }',
    says: 'url or template(s) not provided',
  },
  {
    what: 'such a webhook that is not enabled',
    audit: '{ sinks: { webhook: { enabled: false } } }',
  },
  {
    what: 'a webhook with both',
    audit:
      '{ sinks: { webhook: { enabled: true, url: "http://a", templates: [{ url: "http://a", body: "{}" }] } } }',
    says: 'only one of url or template(s) allowed',
  },
  {
    what: 'the webhook comes before the buffer',
    audit: '{ sinks: { webhook: { enabled: true } }, buffer: { capacity: 1 } }',
    says: 'url or template(s) not provided',
  },
  {
    what: 'a URL from a variable that is not set',
    audit: '{ sinks: { webhook: { enabled: true, url: "${NOT_SET}" } } }',
    says: 'url or template(s) not provided',
  },
  {
    what: 'a Kafka sink without topic',
    audit: '{ sinks: { kafka: { enabled: true, bootstrap_servers: [a] } } }',
    says: 'kafka topic not provided',
  },
  {
    what: 'a Kafka sink without servers',
    audit: '{ sinks: { kafka: { enabled: true, topic: audit-topic } } }',
    says: 'kafka bootstrap_servers not provided',
  },
  {
    what: 'a Kafka sink',
    audit:
      '{ sinks: { kafka: { enabled: true, topic: audit-topic, bootstrap_servers: [kafka-srv1, kafka-srv2], encoding: protobuf, authentication: { username: user, password: passwd }, schema_registry: { url: "http://localhost:8081" } } } }',
  },
  {
    what: 'a Kafka sink by environment',
    env: {
      FLIPT_AUDIT_SINKS_KAFKA_ENABLED: 'true',
      FLIPT_AUDIT_SINKS_KAFKA_TOPIC: 'flipt-audit-events',
      FLIPT_AUDIT_SINKS_KAFKA_ENCODING: 'avro',
      FLIPT_AUDIT_SINKS_KAFKA_INSECURE_SKIP_TLS: 'true',
      FLIPT_AUDIT_SINKS_KAFKA_BOOTSTRAP_SERVERS: 'redpanda',
      FLIPT_AUDIT_SINKS_KAFKA_SCHEMA_REGISTRY_URL: 'http://redpanda:8081',
    },
  },
  {
    what: 'a Kafka encoding that there is not',
    audit:
      '{ sinks: { kafka: { enabled: true, topic: t, bootstrap_servers: [a], encoding: xml } } }',
    says: 'unsupported encoding: xml',
  },
  {
    what: 'such an encoding where Kafka is not enabled',
    audit: '{ sinks: { kafka: { encoding: xml } } }',
  },
  {
    what: 'the cloud without a key',
    audit: '{ sinks: { cloud: { enabled: true } } }',
    says: 'cloud audit sink requires an api key',
  },
  {
    what: 'the cloud with a key',
    audit: '{ sinks: { cloud: { enabled: true } } }',
    beside: 'cloud: { host: a.flipt.cloud, authentication: { api_key: k3y } }',
  },
  {
    what: 'an event that is no pair',
    audit: withLog('events: [flag]'),
    says: 'invalid event pair: flag',
  },
  {
    what: 'a noun that there is not',
    audit: withLog('events: ["thing:created"]'),
    says: 'invalid noun: thing',
  },
  {
    what: 'a verb that there is not',
    audit: withLog('events: ["flag:read"]'),
    says: 'invalid verb: read',
  },
  {
    what: 'a pair twice',
    audit: withLog('events: ["*:created", "flag:created"]'),
    says: 'repeated event pair: flag:created',
  },
  { what: 'no pairs', audit: withLog('events: []'), says: 'no event pairs exist' },
  { what: 'pairs as one text', audit: withLog('events: "flag:created segment:*"') },
  { what: 'a pair that is none where there is no sink', audit: '{ events: [flag] }' },
  { what: 'keys that it does not know', audit: withLog('colour: red') },
  { what: 'keys in capitals', audit: '{ Sinks: { LOG: { Enabled: TRUE, File: ./log.txt } } }' },
  {
    what: 'a sample with a method in its template',
    audit:
      '{ events: ["flag:created", "flag:updated"], sinks: { webhook: { enabled: true, templates: [{ url: "http://webhook:8081/", method: POST, body: "{\\"event\\": \\"{{ .Type }} {{ .Action }}\\", \\"timestamp\\": \\"{{ .Timestamp }}\\"}" }] } } }',
  },
  {
    what: 'other sections, whatever they say',
    audit: withLog(''),
    beside: 'version: "1.0"\nlog: { level: WARN, file: x.txt }\ndb: { url: "${NOT_SET}" }',
  },
  {
    what: 'a log by environment',
    env: { FLIPT_AUDIT_SINKS_LOG_ENABLED: 'true', FLIPT_AUDIT_SINKS_LOG_FILE: './log.txt' },
  },
  {
    what: 'a webhook by environment',
    env: {
      FLIPT_AUDIT_SINKS_WEBHOOK_ENABLED: 'true',
      FLIPT_AUDIT_EVENTS: 'flag:created flag:updated',
      FLIPT_AUDIT_SINKS_WEBHOOK_URL: 'http://webhook:8081/',
    },
  },
  {
    what: 'half a webhook by environment',
    env: { FLIPT_AUDIT_SINKS_WEBHOOK_ENABLED: '1' },
    says: 'url or template(s) not provided',
  },
  {
    what: 'a capacity by environment, which goes before the file',
    audit: withLog('buffer: { capacity: 2 }'),
    env: { FLIPT_AUDIT_BUFFER_CAPACITY: '11' },
    says: CAPACITY,
  },
];

describe("what Flipt says of a configuration is said of it with strict: 'flipt'", () => {
  it.each(CASES)('$what', async ({ audit = '{}', beside = '', env = {}, says }) => {
    const path = rig.write('flipt.yml', `${beside}\naudit: ${audit}\n`);
    const creating = rig.create(path, { strict: 'flipt', env });
    if (says === undefined) await creating;
    else {
      const error = await refusal(creating);
      expect(error.message).toBe(says);
      expect(error.faults).toHaveLength(1);
    }
  });

  it('leaves Kafka without an encoding that only we have', async () => {
    const kafka = { enabled: true, topic: 't', bootstrap_servers: ['a:1'], encoding: 'json' };
    const error = await refusal(rig.create({ audit: { sinks: { kafka } } }, { strict: 'flipt' }));
    expect(error.message).toBe('unsupported encoding: json');
    await rig.create({ audit: { sinks: { kafka } } });
  });

  it('is said with the place where the words are not Flipt’s', async () => {
    const path = rig.write('flipt.yml', 'audit: { buffer: { capacity: many }, sinks: { log: 3 } }');
    const error = await refusal(rig.create(path, { strict: 'flipt' }));
    expect(error.message).toBe('audit.sinks.log must be an object');
  });

  it('leaves Flipt’s nouns, verbs, buffer and waits in force', async () => {
    const { exporter } = await rig.create(
      { audit: { ledger: 'kept', sinks: { log: { enabled: true, file: 'log.txt' } } } },
      { strict: 'flipt' },
    );
    const receipts = await exporter.sendAudits([
      createEvent({ type: 'flag', action: 'created' }),
      createEvent({ type: 'invoice', action: 'refunded' }),
    ]);
    expect(receipts).toEqual([expect.objectContaining({ sequence: 1 }), null]);
  });
});

describe('the same configurations without strict', () => {
  const LOAD_HERE = [CAPACITY, FLUSH];
  const wide = CASES.filter(({ what }) => !/ 0$|below 0/.test(what));

  it.each(wide)('$what', async ({ audit = '{}', beside = '', env = {}, says, what }) => {
    const path = rig.write('flipt.yml', `${beside}\naudit: ${audit}\n`);
    const creating = rig.create(path, { env });
    if (what === 'keys that it does not know') {
      expect(await faultsOf(creating)).toEqual([
        expect.stringMatching(/^audit\.colour is not known/),
      ]);
    } else if (what.includes('where there is no sink')) {
      expect(await faultsOf(creating)).toEqual(['audit.events says invalid event pair: flag']);
    } else if (what.includes('not set')) {
      expect(await faultsOf(creating)).toEqual([
        expect.stringMatching(/names the variable NOT_SET/),
      ]);
    } else if (what.includes('encoding')) {
      expect(await faultsOf(creating)).toEqual([
        'audit.sinks.kafka.encoding must be protobuf or avro or json',
      ]);
    } else if (says === undefined || LOAD_HERE.includes(says)) await creating;
    else {
      const faults = await faultsOf(creating);
      expect(faults.some((fault) => fault.includes(says))).toBe(true);
    }
  });

  it.each([0, -1, 1.5])('a capacity of %p is no batch', async (capacity) => {
    expect(await faultsOf(rig.create({ audit: { ledger: 'x', buffer: { capacity } } }))).toEqual([
      'audit.buffer.capacity must be a whole number from 1 to 1000000',
    ]);
  });
});

describe('the encoding of the log sink', () => {
  it.each([
    ['is the console’s where nobody says', {}, undefined, /^[^\t]+\tAUDIT\t\{/],
    ['is the server’s where it says none', { log: { encoding: 'json' } }, '', /^\{"version"/],
    ['is its own', { log: { encoding: 'console' } }, 'json', /^\{"version"/],
  ])('%s', async (_, beside, encoding, line) => {
    const log = { enabled: true, file: 'log.txt', encoding };
    const { exporter } = await rig.create({ ...beside, audit: { sinks: { log } } });
    await exporter.sendAudits([createEvent({ type: 'a', action: 'b' })]);
    expect(rig.read('log.txt')).toMatch(line);
  });
});
