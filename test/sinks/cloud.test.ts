import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'undici';
import { AuditError } from '../../src/errors.js';
import { createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import type { SendContext } from '../../src/sink.js';
import { type CloudSinkOptions, cloudSink } from '../../src/sinks/cloud.js';
import { sinkSuite } from '../../src/testing/sink-suite.js';
import { ca, localhost } from '../support/certificates.js';
import { answer, type FarSide, farSide } from '../support/far-side.js';
import { canonicalJson } from './template/canonical-json.js';

const live: SendContext = { signal: new AbortController().signal, attempt: 1 };

/** Flipt Cloud on the loopback, and what trusts its certificate. */
async function fliptCloud() {
  const side = await farSide(localhost);
  const dispatcher = new Agent({ connect: { ca } });
  return { side, dispatcher, host: side.url.slice('https://'.length) };
}

/** What a request to Flipt Cloud says of an event; it has no room for the rest. */
const saidOf = (json: string) => {
  const { type, action, metadata } = JSON.parse(json);
  const payload = /"payload":(.*),"timestamp"/s.exec(json)![1];
  return canonicalJson(
    `${JSON.stringify({ type, action, actor: metadata.actor ?? {} }).slice(0, -1)},"payload":${payload}}`,
  );
};

sinkSuite('cloudSink', async () => {
  const { side, dispatcher, host } = await fliptCloud();
  const sink = cloudSink({ host, apiKey: 'key', dispatcher });
  const offered: { readonly said: string; readonly json: string }[] = [];
  const stored: string[] = [];
  const store: FarSide['answer'] = (response, { body }) => {
    stored.push(body);
    response.end();
  };
  side.answer = store;
  return {
    sink: {
      async sendAudits(events, context) {
        const batch = events.map((event) => eventToJson(event));
        const accepted = stored.length;
        await sink.sendAudits(events, context);
        if (stored.length - accepted !== batch.length) throw new Error('not one request an event');
        offered.push(...batch.map((json) => ({ said: saidOf(json), json })));
      },
      close: async () => sink.close?.(),
    },
    // Bodies hold no id: each must say what the event at its place says.
    stored: async () =>
      stored.map((body, index) => {
        const there = offered[index];
        return there?.said === canonicalJson(body) ? there.json : body;
      }),
    breakFarSide: async () => {
      side.answer = answer(503);
    },
    mendFarSide: async () => {
      side.answer = store;
    },
    dispose: async () => {
      await dispatcher.close();
      await side.close();
    },
  };
});

describe('cloudSink', () => {
  let cloud: Awaited<ReturnType<typeof fliptCloud>>;
  beforeEach(async () => {
    cloud = await fliptCloud();
  });
  afterEach(async () => {
    await cloud.dispatcher.close();
    await cloud.side.close();
  });

  it("sends Flipt's request", async () => {
    const { side, dispatcher, host } = cloud;
    const sink = cloudSink({ host, apiKey: 'the-key', dispatcher });
    const event = createEvent({
      type: 'flag',
      action: 'created',
      actor: { ip: '127.0.0.1', authentication: 'token' },
      payload: { key: 'a', enabled: true },
    });
    await sink.sendAudits([event, createEvent({ type: 'token', action: 'deleted' })], live);
    await sink.close?.();
    expect(side.seen.map(({ body }) => JSON.parse(body))).toEqual([
      {
        type: 'flag',
        action: 'created',
        actor: { authentication: 'token', ip: '127.0.0.1' },
        payload: { key: 'a', enabled: true },
      },
      { type: 'token', action: 'deleted', actor: {}, payload: null },
    ]);
    for (const { method, url, headers } of side.seen) {
      expect([method, url]).toEqual(['POST', '/api/audit/event']);
      expect(headers).toMatchObject({
        authorization: 'Bearer the-key',
        'content-type': 'application/json',
        host,
      });
    }
  });

  it('asks for the key before each request where it is a function', async () => {
    const { side, dispatcher, host } = cloud;
    let asked = 0;
    const apiKey = async () => {
      asked += 1;
      return `key-${asked}`;
    };
    const sink = cloudSink({ host, apiKey, dispatcher });
    const event = createEvent({ type: 'flag', action: 'created' });
    await sink.sendAudits([event, event], live);
    await sink.close?.();
    expect(side.seen.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer key-1',
      'Bearer key-2',
    ]);
  });

  it('waits where the key is refused, and does not tell it', async () => {
    const { side, dispatcher, host } = cloud;
    side.answer = (response, { headers }) => {
      response.writeHead(401).end(`no such key: ${headers.authorization}`);
    };
    const sink = cloudSink({ host, apiKey: 'the-key', dispatcher });
    const send = sink.sendAudits([createEvent({ type: 'flag', action: 'created' })], live);
    const error = await send.catch((thrown: unknown) => thrown as Error);
    await sink.close?.();
    expect(error).toMatchObject({ fault: 'sink' });
    expect((error as Error).message).toContain('401');
    expect((error as Error).message).not.toContain('the-key');
  });

  it.each<[string, unknown, string | RegExp]>([
    ['no key', {}, /^cloud audit sink requires an api key$/],
    ['an empty key', { apiKey: '' }, /^cloud audit sink requires an api key$/],
    ['a key that no header carries', { apiKey: 'a\nb' }, 'cloudSink.apiKey must be'],
    ['a URL for a host', { apiKey: 'k', host: 'https://flipt.cloud' }, 'cloudSink.host must be'],
    ['a path for a host', { apiKey: 'k', host: 'flipt.cloud/x' }, 'cloudSink.host must be'],
    ['an empty host', { apiKey: 'k', host: '' }, 'cloudSink.host must be'],
    ['credentials in the host', { apiKey: 'k', host: 'u:secret@x' }, /^cloudSink.host(?!.*secret)/],
    ['an unknown option', { apiKey: 'k', url: 'x' }, 'cloudSink has no option "url"'],
  ])('refuses %s', (_, options, message) => {
    let thrown: unknown;
    try {
      cloudSink(options as CloudSinkOptions);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AuditError);
    expect((thrown as AuditError).code).toBe('invalid-option');
    if (typeof message === 'string') expect((thrown as AuditError).message).toContain(message);
    else expect((thrown as AuditError).message).toMatch(message);
  });
});
