import { describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { configRig, faultsOf, refusal } from './support.js';

const rig = configRig();
const DEEP = `{"audit":{"rules":${'['.repeat(200)}${']'.repeat(200)}}}`;

describe('a configuration with faults', () => {
  it('is refused with all of them at once, each with its path and what is allowed', async () => {
    const path = rig.write(
      'audit.yaml',
      `
audit:
  snks: 1
  events: [invoice:*]
  ledger: { slots: maybe, directory: ./kept }
  buffer: { capacity: 0 }
  delivery: { backoff: { initialMs: 20s, maxMs: 10s }, timeoutMs: soon }
  redact: { paths: payload.password, mode: hmac }
  sinks:
    log: { enable: true, fields: all }
    webhook: { enabled: true, url: 'ftp://there', concurrency: 500 }
    otlp: { enabled: true, headers: { 'bad name': x } }
    cloud: { enabled: true }
`,
    );
    const error = await refusal(rig.create(path));
    expect(error.message.split('\n')[0]).toBe(`${path} has 13 faults:`);
    expect(error.message.split('\n').slice(1)).toEqual(
      error.faults.map(({ path: at, message }) => `  ${at} ${message}`),
    );
    expect(error.faults.map(({ path: at, message }) => `${at} ${message}`).sort()).toEqual([
      'audit.buffer.capacity must be a whole number from 1 to 1000000',
      'audit.delivery.backoff.initialMs must be at most maxMs, 10000, not 20000',
      'audit.delivery.timeoutMs must be a duration such as 90s or 400d, or milliseconds, 1 to 2147483647 ms',
      'audit.events says invalid noun: invoice (the nouns are flag, segment, variant, constraint, rule, distribution, namespace, rollout, token; audit.vocabulary.nouns sets others)',
      'audit.ledger.slots must be true or false',
      'audit.redact.key must be there for mode hmac',
      'audit.sinks.log.enable is not known; did you mean enabled?',
      'audit.sinks.log.fields must be flipt or full',
      'audit.sinks.otlp.headers has "bad…", which is no name of a header',
      'audit.sinks.webhook.concurrency must be a whole number from 1 to 256',
      'audit.sinks.webhook.url must be an http or https URL, not one that begins with ftp:',
      'audit.snks is not known; did you mean sinks?',
      'cloud.authentication.api_key cloud audit sink requires an api key',
    ]);
    expect(rig.exists('kept')).toBe(false);
  });

  it.each<[string, object, string[]]>([
    ['a misspelt section', { audits: {} }, ['audits is not known; did you mean audit?']],
    ['our section at the top', { sinks: {} }, ['sinks must stand under audit']],
    [
      'a key that resembles none',
      { audit: { ledger: { xyzzy: 1 } } },
      [
        'audit.ledger.xyzzy is not known; there are directory, slots, maxSegmentBytes, maxWaitingBytes, retain, checkpoint',
      ],
    ],
    [
      'the other way of writing words',
      { audit: { ledger: 'x', delivery: { max_batch: 3 } } },
      ['audit.delivery.max_batch is not known; did you mean maxBatch?'],
    ],
    ['a section that is none', { audit: { sinks: 'log' } }, ['audit.sinks must be an object']],
    [
      'a ledger that is none',
      { audit: { ledger: 3 } },
      ["audit.ledger must be a folder's path, false or an object"],
    ],
    [
      'an empty element',
      { audit: { ledger: 'x', events: [null] } },
      ['audit.events must be a list of event pairs such as flag:created, *:deleted or *:*'],
    ],
    [
      'an unknown key with nothing behind it, as far as it can be no secret',
      { audit: { ledger: 'x', delivery: { 'maxBach: 3': null, ulr: undefined } } },
      [
        expect.stringMatching(/^audit\.delivery\.maxBach… is not known; /) as unknown as string,
        expect.stringMatching(
          /^audit\.delivery\.ulr is not known; there are /,
        ) as unknown as string,
      ],
    ],
    [
      'a live object',
      { audit: { ledger: 'x', events: new Set(['a:b']) } },
      ['audit.events must be plain data: a text, a number, true or false, a list or an object'],
    ],
    [
      'what would be said twice',
      {
        audit: {
          ledger: 'x',
          buffer: { capacity: 3, flush_period: '1s' },
          delivery: { maxBatch: 3, maxDelayMs: 1 },
          sinks: { webhook: { max_backoff_duration: '1s', delivery: { backoff: { maxMs: 3 } } } },
        },
      },
      [
        'audit.buffer.capacity says the same as audit.delivery.maxBatch: keep one',
        'audit.buffer.flush_period says the same as audit.delivery.maxDelayMs: keep one',
        'audit.sinks.webhook.max_backoff_duration says the same as audit.sinks.webhook.delivery.backoff.maxMs: keep one',
      ],
    ],
    [
      'options of a URL beside templates',
      {
        audit: {
          sinks: {
            webhook: {
              enabled: true,
              mode: 'batch',
              templates: [{ url: 'http://a', body: '{}', boddy: '' }],
            },
          },
        },
      },
      [
        'audit.sinks.webhook.templates[0].boddy is not known; did you mean body?',
        'audit.sinks.webhook.mode is for url, not for templates',
      ],
    ],
    [
      'a template that cannot be read',
      {
        audit: {
          sinks: { webhook: { enabled: true, templates: [{ url: 'http://a', body: '{{' }] } },
        },
      },
      [
        expect.stringMatching(
          /^audit\.sinks\.webhook\.templates\[0\]\.body .*/,
        ) as unknown as string,
      ],
    ],
    [
      'the host of the cloud',
      {
        audit: { sinks: { cloud: { enabled: true } } },
        cloud: { host: 'https://x', authentication: { api_key: 'k3y' } },
      },
      ['cloud.host must be the name of a host, not "https://x"'],
    ],
    [
      'what Kafka refuses',
      {
        audit: {
          sinks: {
            kafka: {
              enabled: true,
              topic: 't',
              bootstrap_servers: ['http://a'],
              authentication: { username: 'u' },
            },
          },
        },
      },
      ['audit.sinks.kafka.bootstrap_servers must be an array of host:port, and "http://a" is none'],
    ],
    [
      'half of a redaction',
      { audit: { ledger: 'x', redact: { paths: 'a' } } },
      ['audit.redact.mode must be remove or mask or hmac'],
    ],
  ])('names %s', async (_, config, faults) => {
    expect(await faultsOf(rig.create(config))).toEqual(faults);
  });

  it('reads durations and sizes, and refuses what is none', async () => {
    await rig.create({
      audit: { ledger: { directory: 'x', retain: { maxAgeMs: '400d', maxBytes: '1.5 GiB' } } },
    });
    const retain = { maxAgeMs: '400 days', maxBytes: '-1' };
    expect(await faultsOf(rig.create({ audit: { ledger: { retain } } }))).toEqual([
      expect.stringMatching(/^audit\.ledger\.retain\.maxAgeMs must be a duration such as 90s/),
      expect.stringMatching(/^audit\.ledger\.retain\.maxBytes must be a size such as 64MiB/),
    ]);
  });
});

describe('a key that is there twice in other capitals', () => {
  it.each<[string, unknown, string[]]>([
    [
      'beside its own spelling, at the top',
      { Audit: { ledger: 'a' }, audit: { ledger: 'b' } },
      ['audit is there twice, as Audit and as audit: keep one'],
    ],
    [
      'twice in others',
      { audit: { ledger: 'a', REDACT: { paths: ['credentials'], mode: 'mask' }, Redact: null } },
      ['audit.redact is there twice, as REDACT and as Redact: keep one'],
    ],
  ])('is refused, for nobody could tell which one counts: %s', async (_, given, faults) => {
    expect(await faultsOf(rig.create(given as object))).toEqual(faults);
  });
});

describe('a file that cannot be read', () => {
  it.each<[string, string, string, RegExp]>([
    [
      'a list without an end',
      'a.yaml',
      'audit:\n  sinks: [\n',
      /a\.yaml has one fault:\n {2}is not YAML: .* at line 3, column 1$/,
    ],
    ['a key twice', 'a.yaml', 'a: 1\na: 2\n', /is not YAML: duplicate key at line 2, column 1$/],
    ['a tag', 'a.yaml', 'a: !odd b\n', /is not YAML: tag resolve failed at line 1, column 4$/],
    [
      'a key twice in a flow',
      'a.yaml',
      'a: [{ b: 1, "b": 2 }]',
      /duplicate key at line 1, column 13$/,
    ],
    [
      'a key twice, merged',
      'a.yaml',
      'a: &a { c: 1 }\nb: { <<: *a, <<: *a }\n',
      /duplicate key at line 2/,
    ],
    [
      'a key twice behind many',
      'a.yaml',
      `${many()}k7: 1\n`,
      /duplicate key at line 80001, column 1$/,
    ],
    [
      'a key twice by an alias',
      'a.yaml',
      'a: &a b\nc:\n  b: 1\n  *a : 2\n',
      /is not YAML: duplicate key at line 4, column 3$/,
    ],
    [
      'a key twice in JSON',
      'a.json',
      '{\n  "audit": {"redact": {"mode": "mask"}, "b": [{"c": 1}, {"c": 1}, "c", "c"]},\n  "\\u0061udit": {}\n}',
      /one fault:\n {2}is ambiguous JSON: duplicate key at line 3, column 3$/,
    ],
    ['an alias of nothing', 'a.yaml', 'a: *b\n', /is not YAML/],
    ['a list', 'a.yaml', '- a\n', /must be an object with audit in it$/],
    ['endless brackets', 'a.yaml', `a: ${'['.repeat(20_000)}`, /is not YAML/],
    ['aliases of aliases', 'a.yaml', bomb(), /aliases that lead nowhere or too far$/],
    ['JSON that is none', 'a.json', '{\n  "audit": {,}\n}', /is not JSON at line 2, column 13$/],
    ['JSON that is a list', 'a.json', '[]', /must be an object with audit in it$/],
    ['JSON that is too deep', 'a.json', DEEP, /nested more than 32 deep/],
    ['a megabyte', 'a.yaml', `a: ${'x'.repeat(2 ** 20)}`, /is larger than 1048576 bytes$/],
  ])('is refused: %s', async (_, name, text, message) => {
    const error = await refusal(rig.create(rig.write(name, text)));
    expect(error.message).toMatch(message);
  });

  it('keeps a number that is written in an odd way as the text that it is', async () => {
    const { exporter } = await rig.create(
      rig.write('a.yaml', 'audit: { sinks: { log: { enabled: true, file: 0x1F } } }'),
    );
    await exporter.sendAudits([createEvent({ type: 'a', action: 'b' })], { until: 'delivered' });
    expect(rig.exists('0x1F')).toBe(true);
  });
});

/** A section that a look at each pair of keys would take minutes for. */
function many(): string {
  return Array.from({ length: 80_000 }, (_, index) => `k${index}: 1\n`).join('');
}

/** Ten levels of ten aliases each. */
function bomb(): string {
  const lines = ['l0: &l0 [x, x]'];
  for (let n = 1; n < 10; n += 1) lines.push(`l${n}: &l${n} [${`*l${n - 1}, `.repeat(10)}]`);
  return `${lines.join('\n')}\n`;
}
