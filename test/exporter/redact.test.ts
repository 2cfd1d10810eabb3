import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Attributes } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { encodeEvent } from '../../src/event/attributes.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { isKnownText } from '../../src/event/known-texts.js';
import { addEventToSpan } from '../../src/event/span.js';
import { AuditSpanProcessor } from '../../src/exporter/processor.js';
import type { RedactOptions } from '../../src/exporter/redact.js';
import { alwaysRecord } from '../../src/exporter/sampler.js';
import { SinkError } from '../../src/sink.js';
import { logSink } from '../../src/sinks/log.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { diskFaults } from '../support/disk-faults.js';
import { exported, exporterRig, spanOf, spanWith } from '../support/exporter-rig.js';

const diagnostics = diagLog();
diskFaults();
const rig = exporterRig();

const KEY = 'a key of thirty-two bytes, or so';

/** What the ledger has of an event, by actor and payload, once it was sent through an exporter. */
async function kept(
  redact: RedactOptions,
  event: Partial<{ actor: Record<string, unknown>; payload: unknown }>,
): Promise<{ actor: unknown; payload: unknown }> {
  const { exporter } = rig.open({ sinks: {}, redact });
  await exporter.sendAudits([createEvent({ type: 'user', action: 'created', ...event })]);
  const { event: line } = rig.lines().at(-1) as unknown as {
    event: { metadata: { actor?: unknown }; payload: unknown };
  };
  return { actor: line.metadata.actor, payload: line.payload };
}

const maskPayload = async (paths: string[], payload: unknown): Promise<unknown> =>
  (await kept({ paths, mode: 'mask' }, { payload })).payload;

const hmacOf = (json: string): string =>
  `hmac-sha256:${createHmac('sha256', KEY).update(json).digest('hex')}`;

describe('a redacted value', () => {
  const payload = { user: { name: 'Ada', ssn: '078-05-1120' }, codes: [1, 2] };

  it('is masked', async () => {
    expect(await maskPayload(['payload.user.ssn'], payload)).toEqual({
      ...payload,
      user: { name: 'Ada', ssn: '[REDACTED]' },
    });
  });

  it('is taken away, or null in an array', async () => {
    const paths = ['payload.user.ssn', 'payload.codes[0]'];
    expect((await kept({ paths, mode: 'remove' }, { payload })).payload).toEqual({
      user: { name: 'Ada' },
      codes: [null, 2],
    });
  });

  it('becomes an HMAC over its JSON that openssl can check: texts, numbers, booleans, all else', async () => {
    const values = { a: 'x', b: '1', c: 1, d: true, e: null, f: { g: [0.5] }, h: false };
    const { payload: redacted } = await kept(
      { paths: ['payload.*'], mode: 'hmac', key: KEY },
      { payload: values },
    );
    expect(redacted).toEqual(
      Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, hmacOf(JSON.stringify(value))]),
      ),
    );
  });

  it('has the same HMAC with a key of bytes, and by however many paths it is hidden', async () => {
    const key = Buffer.from(KEY);
    const paths = ['payload.user.ssn', 'payload.user.*', 'payload.*.ssn', '**.ssn'];
    expect((await kept({ paths, mode: 'hmac', key }, { payload })).payload).toEqual({
      ...payload,
      user: { name: hmacOf('"Ada"'), ssn: hmacOf('"078-05-1120"') },
    });
  });

  it('is hidden in the actor too, which stays an object', async () => {
    const actor = { name: 'Ada', email: 'ada@example.com' };
    const part: RedactOptions = { paths: ['metadata.actor.email'], mode: 'mask' };
    expect((await kept(part, { actor })).actor).toEqual({ name: 'Ada', email: '[REDACTED]' });
  });

  it.each([
    ['mask', { name: '[REDACTED]', email: '[REDACTED]' }],
    ['remove', undefined],
  ] as const)('may be the whole actor: %s', async (mode, left) => {
    const actor = { name: 'Ada', email: 'ada@example.com' };
    expect((await kept({ paths: ['metadata.actor'], mode }, { actor })).actor).toEqual(left);
  });

  it.each([
    ['mask', '[REDACTED]'],
    ['remove', null],
  ] as const)('may be the whole payload: %s', async (mode, left) => {
    expect((await kept({ paths: ['payload'], mode }, { payload })).payload).toEqual(left);
  });
});

describe('a path', () => {
  it.each<[string, unknown, unknown]>([
    ['payload["x-api-key"]', { 'x-api-key': 1, b: 2 }, { 'x-api-key': '[REDACTED]', b: 2 }],
    ["payload['a.b']", { 'a.b': 1, a: { b: 2 } }, { 'a.b': '[REDACTED]', a: { b: 2 } }],
    ['payload[1].a', [{ a: 1 }, { a: 2 }], [{ a: 1 }, { a: '[REDACTED]' }]],
    ['payload[*].a', [{ a: 1 }, { a: 2 }], [{ a: '[REDACTED]' }, { a: '[REDACTED]' }]],
    ['payload.*.*.a', { x: { y: { a: 1 } } }, { x: { y: { a: '[REDACTED]' } } }],
    ['payload.a', { b: 1 }, { b: 1 }],
    ['payload.a.b', { a: 'text' }, { a: 'text' }],
    ['payload.toString', { a: 1 }, { a: 1 }],
    ['payload.constructor', { constructor: 's' }, { constructor: '[REDACTED]' }],
    ['payload.restore', { restore: 1, a: 2 }, { restore: '[REDACTED]', a: 2 }],
    [
      '**.ssn',
      [{ a: [{ SSN: 1, b: { s_s_n: { c: 2 } } }] }],
      [{ a: [{ SSN: '[REDACTED]', b: { s_s_n: '[REDACTED]' } }] }],
    ],
    ['**.length', { length: 3, list: [1] }, { length: '[REDACTED]', list: [1] }],
  ])('%s hides what it names and nothing else', async (path, payload, left) => {
    expect(await maskPayload([path], payload)).toEqual(left);
  });

  it.each<[unknown, string]>([
    ['', 'must be a text of 1 to 1024 characters'],
    [7, 'must be a text of 1 to 1024 characters'],
    ['actor.email', 'write metadata.actor.email'],
    ['user.ssn', 'begins with neither payload nor metadata.actor'],
    ['metadata', 'begins with neither payload nor metadata.actor'],
    ['payload..a', 'is no path'],
    ['payload.', 'is no path'],
    ['.payload', 'is no path'],
    ['payload[a]', 'is no path'],
    ['payload["a]', 'is no path'],
    ['payload.a,payload.b', 'is no path'],
    ['payload.**.a', 'is no path'],
    ['**.a.b', 'after **. stands one name'],
    ['**.', 'after **. stands one name'],
    ['payload.__proto__.a', 'can only be named as **.__proto__'],
    ['payload.list.length', 'can only be named as **.length'],
  ])('%j is refused', (path, fault) => {
    const redact = { paths: ['payload.a', path as string], mode: 'mask' as const };
    expect(() => rig.open({ sinks: {}, redact })).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        message: expect.stringMatching(/^SinkSpanExporter: redact\.paths\[1\] /),
      }),
    );
    expect(() => rig.open({ sinks: {}, redact })).toThrow(fault);
  });
});

describe('the option redact', () => {
  it.each<[string, unknown, string]>([
    ['no object', 'payload.a', 'redact must be an object'],
    [
      'an option it does not know',
      { paths: ['payload'], mode: 'mask', censor: 1 },
      'redact.censor is no option',
    ],
    ['no mode', { paths: ['payload'] }, 'redact.mode must be one of remove, mask, hmac'],
    ['hmac without a key', { paths: ['payload'], mode: 'hmac' }, 'redact.key must be'],
    ['an empty key', { paths: ['payload'], mode: 'hmac', key: '' }, 'redact.key must be'],
    [
      'a key for nothing',
      { paths: ['payload'], mode: 'mask', key: KEY },
      'redact.key is for mode hmac',
    ],
    ['no paths', { paths: [], mode: 'mask' }, 'redact.paths must be a list'],
    [
      'too many',
      { paths: Array(1001).fill('payload'), mode: 'mask' },
      'redact.paths must be a list',
    ],
  ])('is refused: %s', (_, redact, fault) => {
    expect(() => rig.open({ sinks: {}, redact: redact as RedactOptions })).toThrow(fault);
  });
});

describe.each(['credentials', '**.apiKey'])('a name in another spelling, by %s', (path) => {
  it.each([
    'api key',
    'API.Key',
    ' Api\u00a0Key ',
    'api\u200bkey',
    'ａｐｉＫｅｙ',
    'api\u212aey',
    'a_p-i.k e y',
  ])('%j is hidden all the same', async (name) => {
    expect(await maskPayload([path], { [name]: 1, 'api kex': 2 })).toEqual({
      [name]: '[REDACTED]',
      'api kex': 2,
    });
  });
});

it('takes no longer over a name for its marks, which Unicode would put in order', async () => {
  const marks = '\u0315'.repeat(300_000) + '\u0316'.repeat(300_000); // half an hour
  const names = [`${marks}ＡＰＩ key`, `ａｐｉ${'\u200b'.repeat(300_000)}ｋｅｙ`];
  const payload = Object.fromEntries([...names, marks].map((name) => [name, 1]));
  expect(Object.values((await maskPayload(['credentials'], payload)) as object)).toEqual([
    '[REDACTED]',
    '[REDACTED]',
    1,
  ]);
});

describe('credentials', () => {
  it('are hidden at any depth by what they are called', async () => {
    const secret = [
      'password',
      'newPassword',
      'PASSWD',
      'client_secret',
      'x-api-key',
      'accessToken',
    ]
      .concat(['Authorization', 'Set-Cookie', 'privateKey', 'aws_secret_access_key', 'credentials'])
      .concat(['__proto__']);
    const harmless = {
      key: 1,
      author: 2,
      secretary: 3,
      tokenCount: 4,
      keyboard: 5,
      namespace_key: 6,
    };
    const text = `{"deep":[{"er":{${secret.map((name) => `"${name}":{"a":1}`).join()}}}]}`;
    const payload = { ...JSON.parse(text), harmless };
    const redacted = (await maskPayload(
      ['credentials', '**.__proto__'],
      payload,
    )) as typeof payload;
    expect(Object.keys(redacted.deep[0].er)).toEqual(secret);
    expect(Object.values(redacted.deep[0].er)).toEqual(secret.map(() => '[REDACTED]'));
    expect(redacted.harmless).toEqual(harmless);
  });
});

describe('what is beside a redacted value', () => {
  const attributes = (payload: string): Attributes => ({
    'flipt.event.version': '0.2',
    'flipt.event.action': 'created',
    'flipt.event.type': 'user',
    'flipt.event.timestamp': '2026-01-31T12:00:00Z',
    'flipt.event.payload': payload,
  });
  const textKept = async (
    paths: string[],
    text: string,
    mode: 'mask' | 'remove' = 'mask',
  ): Promise<string> => {
    const { exporter } = rig.open({ sinks: {}, redact: { paths, mode } });
    expect(await exported(exporter, spanOf([attributes(text)]))).toEqual({ code: 0 });
    await exporter.shutdown();
    const [file = ''] = fs.readdirSync(rig.path).filter((name) => name.endsWith('.jsonl'));
    const line = fs.readFileSync(join(rig.path, file), 'utf8');
    fs.rmSync(rig.path, { recursive: true });
    return line.slice(line.indexOf('"payload":') + 10, line.indexOf(',"timestamp"'));
  };

  it('keeps every digit of its numbers', async () => {
    const numbers = '"a":12345678901234567890,"b":[1e400,-0.12345678901234567891],"c":1.5';
    expect(await textKept(['payload.x'], `{${numbers},"x":12345678901234567890}`)).toBe(
      `{${numbers},"x":"[REDACTED]"}`,
    );
  });

  it('keeps members named __proto__, which pollute nothing', async () => {
    const text = '{"__proto__":{"a":1,"polluted":true},"b":{"__proto__":2,"x":3}}';
    expect(await textKept(['payload.b.x', 'payload.a', 'payload.*.polluted'], text)).toBe(
      '{"__proto__":{"a":1,"polluted":"[REDACTED]"},"b":{"__proto__":2,"x":"[REDACTED]"}}',
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('is not touched, not even its spaces', async () => {
    const text = '{ "x" : 1 , "b": [ 1,2 ],"c" :{ } , "z":{"x":1}}';
    expect(await textKept(['payload.x', 'payload.z.x'], text)).toBe(
      '{ "x" : "[REDACTED]" , "b": [ 1,2 ],"c" :{ } , "z":{"x":"[REDACTED]"}}',
    );
  });

  it.each([
    ['payload.a.x', '{"a":{"x":"hidden-1"},"a":1}', '{"a":{},"a":1}'],
    ['payload.x', '{"x":"hidden-2","\\u0078":"hidden-3"}', '{}'],
    ['payload.x', '{"a":1 , "x":"hidden-4" }', '{"a":1 }'],
    ['payload.x', '{"x":"hidden-5","a":1,"x":"hidden-6"}', '{"a":1}'],
    ['payload.*.x', '{"a":{"x":"hidden-7"},"a":1}', '{"a":1}'],
    ['**.x', '{"a":{"x":"hidden-8"},"a":1}', '{"a":{},"a":1}'],
    ['**.x', '[{"b":1,"x":"hidden-9","x":[]},{"x":0}]', '[{"b":1},{}]'],
  ])(
    'does not keep what a second member of its name hides from a parser: %s',
    async (path, text, left) => {
      expect(await textKept([path], text, 'remove')).toBe(left);
    },
  );
});

describe('an unredacted value', () => {
  const SECRET = 'hunter2-of-the-test';
  const redact: RedactOptions = {
    paths: ['payload.password', 'metadata.actor.email'],
    mode: 'mask',
  };
  const secretEvent = (id?: string): AuditEvent =>
    createEvent({
      type: 'user',
      action: 'created',
      actor: { name: 'Ada', email: SECRET },
      payload: { password: SECRET },
      ...(id !== undefined && { id }),
    });
  const everythingUnder = (folder: string): string =>
    fs
      .readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => fs.readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('\n');

  it('reaches no sink and no file, by any way in', async () => {
    const sink = recordingSink();
    const file = `${rig.path}.log`;
    const { exporter } = rig.open({ sinks: { memory: sink, file: logSink({ file }) }, redact });
    const provider = new BasicTracerProvider({
      sampler: alwaysRecord({ shouldSample: () => ({ decision: 0 }), toString: () => 'none' }),
      spanProcessors: [new AuditSpanProcessor(exporter)],
    });
    const span = provider.getTracer('test').startSpan('request');
    addEventToSpan(secretEvent(), span);
    span.addEvent('event', { ...encodeEvent(secretEvent()), 'flipt.event.id': undefined });
    span.end();
    addEventToSpan(secretEvent(), span);
    expect(await exported(exporter, spanWith(secretEvent()))).toEqual({ code: 0 });
    await exporter.sendAudits([secretEvent(), { ...secretEvent(), id: 'hand-made' }]);
    await exporter.forceFlush();
    expect(sink.events).toHaveLength(6);
    for (const { payload, metadata } of sink.events) {
      expect({ payload, metadata }).toEqual({
        payload: { password: '[REDACTED]' },
        metadata: { actor: { name: 'Ada', email: '[REDACTED]' } },
      });
    }
    expect(everythingUnder(join(rig.path, '..'))).not.toContain(SECRET);
  });

  it('reaches no dead letter, no error and no log', async () => {
    const refusing = {
      sendAudits: () => Promise.reject(new SinkError('event', 'no', { failed: [0] })),
    };
    const { exporter, told } = rig.open({ sinks: { refusing }, redact });
    await exporter.sendAudits([secretEvent()]);
    await exporter.forceFlush().catch(() => {});
    const dead = fs.readFileSync(join(rig.path, 'dead/refusing.jsonl'), 'utf8');
    expect(dead).toContain('[REDACTED]');
    expect(dead).not.toContain(SECRET);
    expect(told.length).toBeGreaterThan(0);
    expect(JSON.stringify(told)).not.toContain(SECRET);
    expect(diagnostics.lines.join('\n')).not.toContain(SECRET);
  });

  it('reaches nobody who hears that the checker failed', async () => {
    const checker = {
      check: () => {
        throw new Error('broken');
      },
      events: () => [],
    };
    const { exporter, told } = rig.open({ sinks: {}, checker, redact });
    expect(await exported(exporter, spanWith(secretEvent()))).toEqual({ code: 0 });
    await expect(exporter.sendAudits([secretEvent()])).rejects.toThrow('the checker failed');
    await nextTurn();
    expect(told.flatMap(({ context }) => context.events ?? [])).toHaveLength(2);
    expect(JSON.stringify(told)).not.toContain(SECRET);
  });

  it('is not remembered among the texts of this process', async () => {
    const { exporter } = rig.open({ sinks: {}, redact });
    const event = secretEvent();
    await exported(exporter, spanWith(event));
    expect(isKnownText(event.id, JSON.stringify({ password: SECRET }))).toBe(false);
  });

  it('is not in a malformed record, which has lengths and SHA-256 alone', async () => {
    const { exporter } = rig.open({ sinks: {}, redact });
    const attributes = {
      ...encodeEvent(secretEvent()),
      'flipt.event.timestamp': SECRET,
      'flipt.event.status': [SECRET],
    };
    expect(await exported(exporter, spanOf([attributes as Attributes]))).toEqual({ code: 0 });
    const [line] = rig.lines();
    const { attributes: kept } = line!.malformed as { attributes: Record<string, unknown> };
    expect(Object.keys(kept)).toHaveLength(8);
    for (const value of Object.values(kept)) {
      expect(value).toEqual({
        length: expect.any(Number),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
    }
    expect(everythingUnder(rig.path)).not.toContain(SECRET);
  });

  it('is not in the record of an event that is too large, nor of one nested too deeply to be redacted', async () => {
    const deeply = { ...redact, paths: [...redact.paths, 'payload[*].x'] };
    const { exporter } = rig.open({ sinks: {}, maxEventBytes: 50_000, redact: deeply });
    const large = createEvent({
      type: 'user',
      action: 'created',
      payload: { password: SECRET, x: 'x'.repeat(60_000) },
    });
    const deep = {
      ...encodeEvent(createEvent({ type: 'user', action: 'created' })),
      'flipt.event.payload': `${'['.repeat(20_000)}"${SECRET}"${']'.repeat(20_000)}`,
    };
    expect(await exported(exporter, spanWith(large), spanOf([deep]))).toEqual({ code: 0 });
    expect(rig.lines().map(({ malformed }) => (malformed as { reason: string }).reason)).toEqual([
      expect.stringContaining('more than maxEventBytes'),
      'it cannot be redacted: it is nested too deeply or too large',
    ]);
    expect(everythingUnder(rig.path)).not.toContain(SECRET);
  });

  it('is bound in size by maxEventBytes once it is an HMAC, of which each is 76 bytes long', async () => {
    const { exporter } = rig.open({
      sinks: {},
      maxEventBytes: 2000,
      redact: { paths: ['payload.*'], mode: 'hmac', key: KEY },
    });
    const event = createEvent({ type: 'user', action: 'created', payload: Array(100).fill(1) });
    await expect(exporter.sendAudits([event])).rejects.toMatchObject({ code: 'event-too-large' });
    expect(await exported(exporter, spanWith(event))).toEqual({ code: 0 });
    expect(rig.lines()).toEqual([expect.objectContaining({ malformed: expect.anything() })]);
  });
});

describe('a payload with too many values to hash', () => {
  it.each(['payload[*]', 'payload[*].a', '**.a'])(
    'does not hold up the process: %s is malformed or refused',
    async (path) => {
      const { exporter } = rig.open({
        sinks: {},
        redact: { paths: [path], mode: 'hmac', key: KEY },
      });
      const payload = Array.from({ length: 50_001 }, () => ({ a: 1 }));
      const event = createEvent({ type: 'user', action: 'created', payload });
      await expect(exporter.sendAudits([event])).rejects.toMatchObject({ code: 'invalid-event' });
      expect(await exported(exporter, spanWith(event))).toEqual({ code: 0 });
      const [{ malformed } = { malformed: undefined }] = rig.lines();
      expect(malformed).toMatchObject({
        reason: 'it cannot be redacted: it is nested too deeply or too large',
      });
    },
  );
});

describe('the same event sent again', () => {
  const redact: RedactOptions = { paths: ['payload.password'], mode: 'hmac', key: KEY };
  const event = (password: string) =>
    createEvent({
      type: 'user',
      action: 'created',
      id: 'one',
      timestamp: '2026-01-31T12:00:00Z',
      payload: { password },
    });

  it('gets the same receipt, in the next process too', async () => {
    const first = rig.open({ sinks: {}, redact });
    const [receipt] = await first.exporter.sendAudits([event('a')]);
    expect(await first.exporter.sendAudits([event('a')])).toEqual([receipt]);
    await first.exporter.shutdown();
    const second = rig.open({ sinks: {}, redact });
    expect(await second.exporter.sendAudits([event('a')])).toEqual([receipt]);
    expect(rig.lines()).toHaveLength(1);
  });

  it('is a conflict where the hidden value is another', async () => {
    const { exporter } = rig.open({ sinks: {}, redact });
    await exporter.sendAudits([event('a')]);
    await expect(exporter.sendAudits([event('b')])).rejects.toMatchObject({ code: 'conflict' });
  });
});
