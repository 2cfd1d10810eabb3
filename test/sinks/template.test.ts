import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AuditError } from '../../src/errors.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import { PARTS, type SendContext, type Sink, SinkError } from '../../src/sink.js';
import { type TemplateSinkOptions, templateSink } from '../../src/sinks/template.js';
import { sinkSuite } from '../../src/testing/sink-suite.js';
import { answer, type FarSide, farSide } from '../support/far-side.js';
import { canonicalJson } from './template/canonical-json.js';

const live: SendContext = { signal: new AbortController().signal, attempt: 1 };
const event = (key: string): AuditEvent =>
  createEvent({ type: 'flag', action: 'created', payload: { key }, id: key });
const KEY = '{"key": "{{ .Payload.key }}"}';
const keysOf = (side: FarSide) => side.seen.map(({ body }) => JSON.parse(body).key as unknown);

/** All of an event in the template's words: Go's order of keys, which the suite is not told of. */
const WHOLE =
  '{"version": "{{ .Version }}", "type": "{{ .Type }}", "action": "{{ .Action }}", "metadata": {"actor": {{ toJson .Metadata.Actor }}}, "payload": {{ toJson .Payload }}, "timestamp": "{{ .Timestamp }}", "status": "{{ .Status }}"}';

sinkSuite('templateSink', async () => {
  const side = await farSide();
  const sink = templateSink({ templates: [{ url: side.url, body: WHOLE }] });
  const offered = new Map<string, string>();
  const stored: string[] = [];
  const store: FarSide['answer'] = (response, { body }) => {
    stored.push(body);
    response.end();
  };
  side.answer = store;
  return {
    sink: {
      async sendAudits(events, context) {
        for (const one of events) {
          const json = eventToJson(one);
          const seen = json.replace('"metadata":{},', '"metadata":{"actor":{}},');
          offered.set(canonicalJson(seen), json);
        }
        await sink.sendAudits(events, context);
      },
      close: async () => sink.close?.(),
    },
    stored: async () => stored.map((body) => offered.get(canonicalJson(body)) ?? body),
    breakFarSide: async () => {
      side.answer = answer(503);
    },
    mendFarSide: async () => {
      side.answer = store;
    },
    dispose: () => side.close(),
  };
});

let far: FarSide;
let other: FarSide;
const sinks: Sink[] = [];
beforeEach(async () => {
  [far, other] = [await farSide(), await farSide()];
});
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close?.();
  await far.close();
  await other.close();
});

function sinkOf(
  templates: TemplateSinkOptions['templates'],
  options: Partial<TemplateSinkOptions> = {},
): Sink {
  const sink = templateSink({ templates, ...options });
  sinks.push(sink);
  return sink;
}

const two = () =>
  sinkOf([
    { url: far.url, body: KEY },
    { url: other.url, body: KEY },
  ]);

async function faultOf(send: Promise<void>): Promise<SinkError> {
  const error = await send.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SinkError)) throw new Error(`no SinkError: ${String(error)}`);
  return error;
}

describe('a request from a template', () => {
  it('is a POST of its body with its headers', async () => {
    const sink = sinkOf([
      {
        url: `${far.url}/hook?x=1`,
        body: KEY,
        headers: { 'X-Team': 'ops', authorization: async () => 'Bearer fresh' },
      },
    ]);
    await sink.sendAudits([event('a"b')], live);
    expect(far.seen).toMatchObject([
      {
        method: 'POST',
        url: '/hook?x=1',
        body: String.raw`{"key": "a\"b"}`,
        headers: {
          'content-type': 'application/json',
          'x-team': 'ops',
          authorization: 'Bearer fresh',
        },
      },
    ]);
  });

  it('has the content type that a header says', async () => {
    const headers = { 'Content-Type': 'application/json; charset=utf-8' };
    await sinkOf([{ url: far.url, body: KEY, headers }]).sendAudits([event('a')], live);
    expect(far.seen[0]?.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('is made side by side with others where it is asked for, and in order where not', async () => {
    const waiting: (() => void)[] = [];
    let most = 0;
    far.answer = (response) => {
      waiting.push(() => response.end());
      most = Math.max(most, waiting.length);
      // Answered once four are here, or none is to come.
      if (waiting.length === 4) for (const go of waiting.splice(0)) go();
    };
    const sink = sinkOf([{ url: far.url, body: KEY }], { concurrency: 4 });
    await sink.sendAudits(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(event), live);
    expect(most).toBe(4);
    far.answer = answer(200);
    far.seen.length = 0;
    await sinkOf([{ url: far.url, body: KEY }]).sendAudits(['x', 'y', 'z'].map(event), live);
    expect(keysOf(far)).toEqual(['x', 'y', 'z']);
  });
});

describe('an event that makes no body', () => {
  it('is its own fault, and the others are sent', async () => {
    const body = '{"key": {{ .Payload.key }}}';
    const sink = sinkOf([{ url: far.url, body }]);
    const error = await faultOf(sink.sendAudits(['1', 'x', '2'].map(event), live));
    expect(error).toMatchObject({ fault: 'event', failed: [1] });
    expect(error.message).toBe('invalid JSON: {"key": …} (1 of 3 events not stored)');
    expect(keysOf(far)).toEqual([1, 2]);
  });

  it('is told alone in Flipt’s words', async () => {
    const sink = sinkOf([{ url: far.url, body: 'no JSON' }]);
    const error = await faultOf(sink.sendAudits([event('a')], live));
    expect(error).toMatchObject({ fault: 'event', message: 'invalid JSON: no JSON', failed: [0] });
    expect(far.seen).toEqual([]);
  });

  it('is its own fault, too, where the template fails on it or JSON cannot carry it', async () => {
    const sink = sinkOf([{ url: far.url, body: '{"n": {{ len .Payload.key }}}' }]);
    const number = createEvent({ type: 'flag', action: 'created', payload: { key: 7 } });
    const unprintable = { ...event('a'), payload: { key: 1n } };
    expect(await faultOf(sink.sendAudits([number], live))).toMatchObject({ fault: 'event' });
    expect(await faultOf(sink.sendAudits([unprintable], live))).toMatchObject({
      fault: 'event',
      message: 'the event cannot be written as JSON',
    });
  });
});

describe('a far side that refuses', () => {
  it.each([
    [400, 'event', [1]],
    [401, 'sink', [1, 2]],
    [503, 'transient', [1, 2]],
    [302, 'sink', [1, 2]],
  ] as const)('with %i', async (status, fault, failed) => {
    far.answer = (response, seen, request) =>
      answer(seen.body.includes('"b"') ? status : 200)(response, seen, request);
    const sink = sinkOf([{ url: far.url, body: KEY }]);
    const error = await faultOf(sink.sendAudits(['a', 'b', 'c'].map(event), live));
    expect(error).toMatchObject({ fault, failed });
  });
});

describe('several templates', () => {
  it('are each sent every event', async () => {
    await two().sendAudits(['a', 'b'].map(event), live);
    expect([keysOf(far), keysOf(other)]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('are parts for an exporter, of which one does not feel what another fails on', async () => {
    far.answer = answer(503);
    const [[, first] = [], [, second] = [], ...more] = two()[PARTS] ?? [];
    expect(more).toEqual([]);
    await expect(first!.sendAudits([event('a')], live)).rejects.toThrow('503');
    await second!.sendAudits([event('a')], live);
    expect(keysOf(other)).toEqual(['a']);
    await second!.close!();
    far.answer = answer(200);
    await first!.sendAudits([event('a')], live);
    expect(keysOf(far)).toEqual(['a', 'a']);
  });

  it('are tried one and all by themselves, and what one of them lacks counts as not stored', async () => {
    far.answer = (response, seen, request) =>
      answer(seen.body.includes('"b"') ? 422 : 200)(response, seen, request);
    other.answer = (response, seen, request) =>
      answer(seen.body.includes('"c"') ? 429 : 200, '', { 'retry-after': '7' })(
        response,
        seen,
        request,
      );
    const error = await faultOf(two().sendAudits(['a', 'b', 'c', 'd'].map(event), live));
    expect(error).toMatchObject({ fault: 'transient', failed: [1, 2, 3], retryAfterMs: 7000 });
    expect(error.message).toMatch(/^templates\[1\]: .*429/);
    expect([keysOf(far), keysOf(other)]).toEqual([
      ['a', 'b', 'c', 'd'],
      ['a', 'b', 'c'],
    ]);
  });

  it('are one sink where there is one', () => {
    expect(sinkOf([{ url: far.url, body: KEY }])[PARTS]).toBeUndefined();
  });

  it('are all closed with it', async () => {
    const sink = two();
    await sink.close?.();
    for (const [, part] of sink[PARTS]!) {
      expect(await faultOf(part.sendAudits([event('a')], live))).toMatchObject({ fault: 'sink' });
    }
  });
});

describe('options of templateSink that are wrong', () => {
  const url = 'https://hooks.example';
  it.each<[string, unknown, string]>([
    ['no templates', {}, 'templateSink.templates must be a list of at least one'],
    ['an empty list', { templates: [] }, 'templateSink.templates must be a list of at least one'],
    [
      'an unknown option',
      { templates: [{ url, body: '1' }], url },
      'templateSink has no option "url"',
    ],
    ['no URL', { templates: [{ body: '1' }] }, 'templateSink.templates[0].url'],
    [
      'another scheme',
      { templates: [{ url: 'ftp://x', body: '1' }] },
      'templateSink.templates[0].url',
    ],
    [
      'no body',
      { templates: [{ url }] },
      'templateSink.templates[0].body must be the text of a template',
    ],
    [
      'a misspelt member',
      { templates: [{ url, body: '1', header: {} }] },
      'templateSink.templates[0] has no option "header"',
    ],
    [
      'a name that no file can have',
      { templates: [{ url, body: '1', name: '../x' }] },
      'templateSink.templates[0].name must be lower-case letters',
    ],
    [
      'a name twice',
      {
        templates: [
          { url, body: '1', name: 'a' },
          { url, body: '1', name: 'a' },
        ],
      },
      'templateSink.templates[1].name is "a", as another one\'s',
    ],
    [
      'a bad header',
      { templates: [{ url, body: '1', headers: { 'a b': 'x' } }] },
      'templateSink.templates[0].headers',
    ],
    [
      'a bad count',
      { templates: [{ url, body: '1' }], concurrency: 0 },
      'templateSink.concurrency',
    ],
    [
      'no dispatcher',
      { templates: [{ url, body: '1' }], dispatcher: {} },
      'templateSink.dispatcher',
    ],
    [
      'a bad template, by its place',
      {
        templates: [
          { url, body: '{}' },
          { url, body: '{\n  "a": {{ nope }}\n}' },
        ],
      },
      'templateSink.templates[1].body line 2, column 11: function "nope" not defined',
    ],
  ])('%s', (_, options, message) => {
    let thrown: unknown;
    try {
      templateSink(options as TemplateSinkOptions);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AuditError);
    expect((thrown as AuditError).code).toBe('invalid-option');
    expect((thrown as AuditError).message).toContain(message);
  });
});
