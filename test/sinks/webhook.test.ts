import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AuditError } from '../../src/errors.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import { type SendContext, type Sink, SinkError } from '../../src/sink.js';
import { verifyWebhook, type WebhookSinkOptions, webhookSink } from '../../src/sinks/webhook.js';
import { sinkSuite } from '../../src/testing/sink-suite.js';
import { fakeClock } from '../support/fake-clock.js';
import { answer, type FarSide, farSide } from '../support/far-side.js';

const live: SendContext = { signal: new AbortController().signal, attempt: 1 };
const event = (id: string) =>
  createEvent({
    type: 'flag',
    action: 'created',
    payload: { key: id },
    timestamp: '2026-01-31T12:00:00Z',
    id,
  });
const events = (count: number) => Array.from({ length: count }, (_, n) => event(`e${n}`));

for (const [mode, concurrency] of [
  ['each', 1],
  ['batch', 1],
] as const) {
  sinkSuite(`webhookSink, mode ${mode},`, async () => {
    const side = await farSide();
    const stored: string[] = [];
    const store: FarSide['answer'] = (response, { body }) => {
      stored.push(...(mode === 'each' ? [body] : membersOf(body)));
      response.end();
    };
    side.answer = store;
    return {
      sink: webhookSink({ url: side.url, mode, concurrency }),
      stored: async () => stored,
      breakFarSide: async () => {
        side.answer = answer(503);
      },
      mendFarSide: async () => {
        side.answer = store;
      },
      dispose: () => side.close(),
    };
  });
}

/** The members of a batch as they stand in it, the ids that end them taken off. */
function membersOf(body: string): string[] {
  expect(() => JSON.parse(body)).not.toThrow();
  return body
    .slice(1, -1)
    .split(/(?<="status":"[a-z]*","id":"[^"]*"\}),/)
    .map((member) => `${member.slice(0, member.lastIndexOf(',"id":"'))}}`);
}

let far: FarSide;
const sinks: Sink[] = [];
beforeEach(async () => {
  far = await farSide();
});
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close?.();
  await far.close();
});

function sinkOf(options: Partial<WebhookSinkOptions> = {}): Sink {
  const sink = webhookSink({ url: far.url, ...options });
  sinks.push(sink);
  return sink;
}

async function failureOf(sink: Sink, batch: readonly AuditEvent[], context = live) {
  const error = await sink.sendAudits(batch, context).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SinkError);
  return error as SinkError;
}

describe('a request for one event', () => {
  it('is Flipt’s: a POST of the event JSON', async () => {
    const one = event('e1');
    await sinkOf({ url: `${far.url}/hook` }).sendAudits([one], live);
    expect(far.seen).toMatchObject([{ method: 'POST', url: '/hook', body: eventToJson(one) }]);
    expect(far.seen[0]!.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(far.seen[0]!.headers).not.toHaveProperty('x-flipt-webhook-signature');
    expect(far.seen[0]!.headers).not.toHaveProperty('webhook-signature');
  });

  it('is signed as Flipt signs', async () => {
    // The vector was computed by Flipt's own Go code.
    const bare = {
      version: '',
      type: 'flag',
      action: 'create',
      metadata: {},
      timestamp: '',
      id: 'x',
    };
    await sinkOf({ signingSecret: 's3crET' }).sendAudits([bare], live);
    expect(far.seen[0]!.body).toBe(
      '{"version":"","type":"flag","action":"create","metadata":{},"payload":null,"timestamp":"","status":""}',
    );
    expect(far.seen[0]!.headers['x-flipt-webhook-signature']).toBe(
      '6bc16d7434cbd746abfd25e3350a3f43fba04883b7f0b83f09bbc373116f84b0',
    );
  });

  it('is signed by the Standard Webhooks specification, with every secret', async () => {
    const one = createEvent({
      type: 'flag',
      action: 'created',
      actor: { authentication: 'token', ip: '127.0.0.1' },
      payload: { key: 'é' },
      timestamp: '2026-01-31T12:00:00Z',
      id: '0d9c5a4e-3f70-4c55-9d3c-7d2a1b6e8f10',
    });
    const sink = sinkOf({
      standardWebhooks: {
        secrets: [
          'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
          'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
        ],
      },
      clock: fakeClock(Date.UTC(2026, 0, 31, 12, 0, 0, 999)),
    });
    await sink.sendAudits([one], live);
    // Computed by Python's hmac over `id.timestamp.body`.
    expect(far.seen[0]!.headers).toMatchObject({
      'webhook-id': '0d9c5a4e-3f70-4c55-9d3c-7d2a1b6e8f10',
      'webhook-timestamp': '1769860800',
      'webhook-signature':
        'v1,gYUoY19Iqjd3ZMUKKfgG6Jtk/bVErlGB+ERMwQNgBUA= v1,dPQN8lpvnjTIT+B7hJvCEeZVGXWDNcTPdEICVVGTAq8=',
    });
  });

  it('carries the same id and a new time when it is sent again', async () => {
    const clock = fakeClock(Date.UTC(2026, 0, 31, 12));
    const sink = sinkOf({ clock });
    far.answer = answer(503);
    await failureOf(sink, [event('e1')]);
    clock.advance(2000);
    await failureOf(sink, [event('e1')]);
    const sent = far.seen.map(({ headers }) => [
      headers['webhook-id'],
      headers['webhook-timestamp'],
    ]);
    expect(sent).toEqual([
      ['e1', '1769860800'],
      ['e1', '1769860802'],
    ]);
  });

  it('carries an id that no header can carry percent-encoded, so that no two become one', async () => {
    const ids = ['a b', 'a%20b', 'ü', 'a.b-c_d'];
    await sinkOf().sendAudits(ids.map(event), live);
    expect(far.seen.map(({ headers }) => headers['webhook-id'])).toEqual([
      'a%20b',
      'a%2520b',
      '%C3%BC',
      'a.b-c_d',
    ]);
  });

  it('holds id and trace with full fields', async () => {
    await sinkOf({ fields: 'full' }).sendAudits([event('e1')], live);
    expect(far.seen[0]!.body).toBe(eventToJson(event('e1'), { fields: 'full' }));
  });

  it('takes headers of the user’s, another content type included', async () => {
    const headers = { 'Content-Type': 'application/x-audit', authorization: () => 'Bearer t' };
    await sinkOf({ headers }).sendAudits([event('e1')], live);
    expect(far.seen[0]!.headers).toMatchObject({
      'content-type': 'application/x-audit',
      authorization: 'Bearer t',
    });
  });
});

describe('a batch as a request an event', () => {
  it('is sent in order, one after another', async () => {
    let open = 0;
    let most = 0;
    far.answer = (response) => {
      open += 1;
      most = Math.max(most, open);
      setImmediate(() => {
        open -= 1;
        response.end();
      });
    };
    await sinkOf().sendAudits(events(20), live);
    expect(most).toBe(1);
    expect(idsSeen()).toEqual(events(20).map(({ id }) => id));
    expect(far.connections).toBe(1);
  });

  it('is sent side by side within the concurrency', async () => {
    const waiting: (() => void)[] = [];
    let most = 0;
    far.answer = (response) => {
      waiting.push(() => response.end());
      most = Math.max(most, waiting.length);
      if (waiting.length === 8) for (const go of waiting.splice(0)) go();
    };
    await sinkOf({ concurrency: 8 }).sendAudits(events(32), live);
    expect(most).toBe(8);
    expect(far.connections).toBe(8);
    expect(new Set(idsSeen()).size).toBe(32);
  });

  it('goes on past an event that is refused for good, and names it', async () => {
    far.answer = (response, { headers }) => {
      const refused = ['e3', 'e7'].includes(String(headers['webhook-id']));
      response.writeHead(refused ? 422 : 200).end(refused ? 'bad key' : '');
    };
    for (const concurrency of [1, 4]) {
      const error = await failureOf(sinkOf({ concurrency }), events(10));
      expect(error.fault).toBe('event');
      expect(error.failed).toEqual([3, 7]);
      expect(error.message).toContain('422 Unprocessable Entity: bad key');
    }
  });

  it.each([
    [503, 'transient'],
    [401, 'sink'],
    [302, 'sink'],
  ])('stops at %i, and names what was not stored', async (status, fault) => {
    far.answer = (response, { headers }) => {
      response.writeHead(headers['webhook-id'] === 'e4' ? status : 200).end();
    };
    const error = await failureOf(sinkOf(), events(10));
    expect(error).toMatchObject({ fault, failed: [4, 5, 6, 7, 8, 9] });
    expect(far.seen).toHaveLength(5);
  });

  it('goes on past a request that failed by chance, side by side, and names its event', async () => {
    far.answer = (response, { headers }) => {
      response
        .writeHead(['e4', 'e9', 'e14', 'e19'].includes(String(headers['webhook-id'])) ? 500 : 200)
        .end();
    };
    const error = await failureOf(sinkOf({ concurrency: 3 }), events(40));
    expect(error).toMatchObject({ fault: 'transient', failed: [4, 9, 14, 19] });
    expect(far.seen).toHaveLength(40);
  });

  it.each([
    ['all fail', { 'x-none': '' }, 503, 15],
    ['the far side asks for time', { 'retry-after': '1' }, 503, 8],
    ['the sink is at fault', { 'x-none': '' }, 403, 8],
  ])('leaves the far side alone when, side by side, %s', async (_, headers, status, most) => {
    far.answer = answer(status, '', headers);
    const batch = events(100);
    const error = await failureOf(sinkOf({ concurrency: 8 }), batch);
    expect(error.failed).toEqual([...batch.keys()]);
    expect(far.seen.length).toBeLessThanOrEqual(most);
  });

  it('waits where one fault asks for it though another does not', async () => {
    far.answer = (response, { headers }) => {
      if (headers['webhook-id'] === 'e0') response.writeHead(400).end();
      else response.writeHead(429, { 'retry-after': '7' }).end();
    };
    const error = await failureOf(sinkOf(), events(3));
    expect(error).toMatchObject({ fault: 'transient', retryAfterMs: 7000, failed: [0, 1, 2] });
  });

  it('names what was not stored when it is aborted', async () => {
    const controller = new AbortController();
    far.answer = (response, { headers }) => {
      const id = String(headers['webhook-id']);
      if (Number(id.slice(1)) < 5) response.end();
      else if (id === 'e5') controller.abort(new Error('not stored within 30000 ms'));
    };
    const context = { signal: controller.signal, attempt: 1 };
    const error = await failureOf(sinkOf(), events(10), context);
    expect(error).toMatchObject({ fault: 'transient', failed: [5, 6, 7, 8, 9] });
    expect(error.message).toBe('not stored within 30000 ms (5 of 10 events not stored)');
  });

  it('leaves out an event that is no JSON, as its own fault', async () => {
    const broken = { ...event('e1'), payload: { n: 1n } };
    const nameless = { ...event('e2'), id: '' };
    for (const mode of ['each', 'batch'] as const) {
      const batch = [event('e0'), broken, nameless, event('e3')];
      const error = await failureOf(sinkOf({ mode }), batch);
      expect(error).toMatchObject({ fault: 'event', failed: [1, 2] });
    }
    expect(far.seen).toHaveLength(3);
  });
});

describe('a batch as one request', () => {
  it('is a JSON array whose members carry their ids', async () => {
    await sinkOf({ mode: 'batch' }).sendAudits(events(3), live);
    await sinkOf({ mode: 'batch', fields: 'full' }).sendAudits(events(3), live);
    const [flipt, full] = far.seen.map(({ body }) => body);
    const members = events(3).map((one) => eventToJson(one));
    expect(flipt).toBe(
      `[${members.map((json, n) => `${json.slice(0, -1)},"id":"e${n}"}`).join(',')}]`,
    );
    expect(full).toBe(
      `[${events(3)
        .map((one) => eventToJson(one, { fields: 'full' }))
        .join(',')}]`,
    );
  });

  it('is whole however long it is, whatever its characters take', async () => {
    const long = { ...event('e1'), payload: '日'.repeat(1_000_000) };
    await sinkOf({ mode: 'batch' }).sendAudits([event('e0'), long], live);
    expect(JSON.parse(far.seen[0]!.body)).toMatchObject([{ id: 'e0' }, { payload: long.payload }]);
  });

  it('stays as it is while a request that was given up may still be sent', async () => {
    const bodies: Buffer[] = [];
    const dispatcher = {
      dispatch: (request: object) => bodies.push((request as { body: Buffer }).body) > 0,
    };
    const sink = sinkOf({ mode: 'batch', dispatcher });
    const controller = new AbortController();
    const givenUp = failureOf(sink, events(3), { signal: controller.signal, attempt: 1 });
    const before = bodies[0]!.toString();
    controller.abort(new Error('deadline'));
    await givenUp;
    void failureOf(sink, [event('another')]);
    expect(bodies).toHaveLength(2);
    expect(bodies[0]!.toString()).toBe(before);
  });

  it('has an id that depends on its events alone', async () => {
    for (const batch of [events(3), events(3), events(2), events(1)]) {
      await sinkOf({ mode: 'batch' }).sendAudits(batch, live);
    }
    const ids = far.seen.map(({ headers }) => headers['webhook-id']);
    // sha256("e0\ne1\ne2"), computed by Python's hashlib
    expect(ids[0]).toBe('batch-8fa7eb7924e49e1c574009e79043510e');
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
  });

  it('is signed whole', async () => {
    const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];
    const sink = sinkOf({ mode: 'batch', signingSecret: 'k', standardWebhooks: { secrets } });
    await sink.sendAudits(events(3), live);
    const { id, events: verified } = verifyWebhook(far.seen[0]!, {
      signingSecret: 'k',
      standardWebhooks: { secrets },
    });
    expect(id).toMatch(/^batch-/);
    expect(verified.map((one) => one.id)).toEqual(['e0', 'e1', 'e2']);
  });

  it('is stored whole or not at all', async () => {
    for (const [status, fault] of [
      [413, 'event'],
      [500, 'transient'],
      [410, 'sink'],
    ] as const) {
      far.answer = answer(status);
      const error = await failureOf(sinkOf({ mode: 'batch' }), events(3));
      expect(error.fault).toBe(fault);
      expect(error.failed).toBeUndefined();
    }
  });
});

describe('an option', () => {
  const refusal = (options: object) => {
    try {
      webhookSink({ url: 'http://h', ...options } as WebhookSinkOptions);
    } catch (error) {
      expect(error).toBeInstanceOf(AuditError);
      return (error as AuditError).message;
    }
    throw new Error('accepted');
  };

  it.each([
    [{ secret: 'x' }, 'webhookSink has no option "secret"'],
    [{ url: undefined }, 'webhookSink.url must be an http or https URL, not undefined'],
    [{ mode: 'bulk' }, "webhookSink.mode must be 'each' or 'batch', not \"bulk\""],
    [{ fields: 'all' }, "webhookSink.fields must be 'flipt' or 'full', not \"all\""],
    [{ concurrency: 0 }, 'webhookSink.concurrency must be a whole number from 1 to 256, not 0'],
    [
      { concurrency: 2, mode: 'batch' },
      "webhookSink.concurrency is for mode 'each': a batch is one request",
    ],
    [
      { signingSecret: '' },
      'webhookSink.signingSecret must be a string, not an empty one; leave it out where nothing is signed',
    ],
    [
      { signingSecret: 7 },
      'webhookSink.signingSecret must be a string, not 7; leave it out where nothing is signed',
    ],
    [
      { standardWebhooks: {} },
      'webhookSink.standardWebhooks.secrets must be an array with a secret',
    ],
    [
      { standardWebhooks: { secrets: ['whsec_s3cret!'] } },
      'webhookSink.standardWebhooks.secrets[0] must be whsec_ and a key in base64',
    ],
    [
      { standardWebhooks: { secret: 'whsec_AAAA' } },
      'webhookSink.standardWebhooks has no option "secret"',
    ],
    [
      { headers: { 'Webhook-Signature': 'x' } },
      'webhookSink.headers has "Webhook-Signature", which the sink sets itself',
    ],
    [{ dispatcher: {} }, 'webhookSink.dispatcher must be a dispatcher of undici, not an object'],
  ])('%j is refused by name', (options, message) => {
    const refused = refusal(options);
    expect(refused).toContain(message);
    expect(refused).not.toContain('s3cret');
  });

  it('that is no object at all is refused', () => {
    expect(() => webhookSink('http://h' as unknown as WebhookSinkOptions)).toThrow(
      'webhookSink takes an object of options, not "http://h"',
    );
  });
});

const idsSeen = () => far.seen.map(({ headers }) => String(headers['webhook-id']));
