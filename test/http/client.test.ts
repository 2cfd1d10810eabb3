import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Agent, MockAgent } from 'undici';
import { createHttpClient, type HttpClient } from '../../src/http/client.js';
import { type HeaderValues, requireHeaders } from '../../src/http/headers.js';
import type { HttpDispatcher } from '../../src/http/undici.js';
import { requireUrl } from '../../src/http/url.js';
import { SinkError } from '../../src/sink.js';
import { ca, client as clientCertificate, elsewhere, localhost } from '../support/certificates.js';
import { fakeClock } from '../support/fake-clock.js';
import { answer, type FarSide, farSide } from '../support/far-side.js';

const clock = fakeClock(Date.UTC(2026, 0, 31, 12));
const live = new AbortController().signal;

interface Setup {
  readonly headers?: HeaderValues;
  readonly dispatcher?: HttpDispatcher;
  readonly secrets?: readonly string[];
  readonly connections?: number;
}

const clients: HttpClient[] = [];
function clientOf(url: string, { headers, dispatcher, secrets, connections = 1 }: Setup = {}) {
  const client = createHttpClient({
    sink: 'testSink',
    url: requireUrl('testSink.url', url),
    headers: requireHeaders('testSink.headers', headers),
    connections,
    dispatcher,
    secrets,
    clock,
  });
  clients.push(client);
  return client;
}

/** Sends a request that must fail, and returns how. */
async function failureOf(client: HttpClient, signal: AbortSignal = live): Promise<SinkError> {
  const error = await client.send({ body: '{}' }, signal).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SinkError);
  return error as SinkError;
}

let far: FarSide;
beforeEach(async () => {
  far = await farSide();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await far.close();
});

describe('a request', () => {
  it('is a POST of the body to path and query, with headers', async () => {
    const client = clientOf(`${far.url}/hook?a=1`, { headers: { 'X-Tenant': 'blue' } });
    await client.send({ body: '{"ü":1}', headers: ['webhook-id', 'x'] }, live);
    expect(far.seen).toMatchObject([
      {
        method: 'POST',
        url: '/hook?a=1',
        body: '{"ü":1}',
        headers: {
          'x-tenant': 'blue',
          'webhook-id': 'x',
          'user-agent': 'otel-audit',
          'content-length': '8',
        },
      },
    ]);
  });

  it('uses a connection again, and no more than its bound', async () => {
    const client = clientOf(far.url, { connections: 3 });
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(Array.from({ length: 9 }, () => client.send({ body: '{}' }, live)));
    }
    expect(far.seen).toHaveLength(36);
    expect(far.connections).toBeLessThanOrEqual(3);
  });

  it('takes the URL’s credentials as an authorization', async () => {
    await clientOf(far.url.replace('//', '//ad%40a:p%3Ass@')).send({ body: '{}' }, live);
    expect(far.seen[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('ad@a:p:ss').toString('base64')}`,
    );
  });

  it('asks a function for its header each time', async () => {
    let turn = 0;
    const client = clientOf(far.url, {
      headers: { authorization: async () => `Bearer ${++turn}`, 'x-turn': () => String(turn) },
    });
    await client.send({ body: '{}' }, live);
    await client.send({ body: '{}' }, live);
    expect(far.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('no token: s3cret'))],
    [
      'throws',
      () => {
        throw new Error('no token: s3cret');
      },
    ],
    ['returns a line break', () => 's3cret\r\nx: y'],
    ['returns nothing', () => undefined as unknown as string],
  ])('waits, and tells no secret, when a header’s function %s', async (_, make) => {
    const error = await failureOf(clientOf(far.url, { headers: { authorization: make } }));
    expect(error.fault).toBe('transient');
    expect(error.message).toMatch(/^testSink: the function that makes the header authorization/);
    expect(error.message).not.toContain('s3cret');
    expect(far.seen).toEqual([]);
  });

  it('ends with the signal while a header’s function hangs', async () => {
    const controller = new AbortController();
    const headers = { authorization: () => new Promise<string>(() => {}) };
    const failure = failureOf(clientOf(far.url, { headers }), controller.signal);
    controller.abort(new Error('deadline'));
    expect(await failure).toMatchObject({ fault: 'transient', message: 'deadline' });
  });
});

describe('the answer', () => {
  const faults = {
    transient: [408, 425, 429, 500, 502, 503, 504, 507, 599],
    event: [400, 409, 413, 415, 422],
    sink: [
      300, 301, 302, 303, 304, 307, 308, 401, 402, 403, 404, 405, 406, 407, 410, 418, 431, 501,
    ],
  } as const;
  const cases = Object.entries(faults).flatMap(([fault, statuses]) =>
    statuses.map((status) => [status, fault] as const),
  );

  it.each(cases)('%i is the fault of: %s', async (status, fault) => {
    far.answer = answer(status, status === 304 ? '' : 'because');
    const error = await failureOf(clientOf(far.url));
    expect(error.fault).toBe(fault);
    expect(error.message).toContain(`${far.url} answered ${status}`);
    if (status !== 304) expect(error.message).toContain('because');
  });

  it.each([200, 201, 202, 204, 207, 299])('%i is success', async (status) => {
    far.answer = answer(status, status === 204 ? '' : 'fine', { 'x-reply': 'yes' });
    const reply = await clientOf(far.url).send({ body: '{}' }, live);
    expect(reply).toMatchObject({ status, truncated: false, headers: { 'x-reply': 'yes' } });
    expect(reply.body.toString()).toBe(status === 204 ? '' : 'fine');
  });

  it('waits for the final one after an informational one', async () => {
    far.answer = (response) => {
      response.writeProcessing();
      response.writeHead(503).end('later');
    };
    expect((await failureOf(clientOf(far.url))).message).toContain('503');
  });

  it('with a redirect is not followed', async () => {
    far.answer = answer(302, '', { location: `${far.url}/elsewhere` });
    const error = await failureOf(clientOf(far.url));
    expect(error.message).toContain('302 Found, redirects are not followed');
    expect(far.seen).toHaveLength(1);
  });

  it('410 says that the receiver is gone', async () => {
    far.answer = answer(410);
    expect((await failureOf(clientOf(far.url))).message).toBe(
      `${far.url} answered 410 Gone, the receiver is gone`,
    );
  });

  it.each([
    ['seconds', '120', 120_000],
    ['an HTTP date', 'Sat, 31 Jan 2026 12:02:00 GMT', 120_000],
    ['more than an hour', '86400', 3_600_000],
  ])('says by Retry-After how long to wait: %s', async (_, value, ms) => {
    for (const status of [503, 429]) {
      far.answer = answer(status, '', { 'retry-after': value });
      expect((await failureOf(clientOf(far.url))).retryAfterMs).toBe(ms);
    }
  });

  it('cannot forge a line or hide in the message', async () => {
    far.answer = answer(500, 'a\r\nb\u0000\u001b[31m\u202e\u2028é');
    expect((await failureOf(clientOf(far.url))).message).toBe(
      `${far.url} answered 500 Internal Server Error: a\\r\\nb\\u{0}\\u{1b}[31m\\u{202e}\\u{2028}é`,
    );
  });

  it('that repeats a credential is told without it', async () => {
    const url = `${far.url.replace('//', '//ada:pass-word@')}/services/T0001B0002C0003D0004?sig=q-token`;
    far.answer = (response, { headers, url: path }) => {
      response.writeHead(401).end(`signing-key ${path} ${JSON.stringify(headers)}`);
    };
    const headers = { 'x-api-key': 'k"e y-1' };
    const { message } = await failureOf(clientOf(url, { headers, secrets: ['signing-key'] }));
    expect(message).toMatch(/: \*\*\* \/services\/\*\*\*\?sig=\*\*\* \{/);
    for (const secret of ['pass-word', 'YWRhOnBhc3Mtd29yZA', 'q-token', 'T0001B', 'k\\"e', 'y-1']) {
      expect(message).not.toContain(secret);
    }
  });

  it('that repeats a token made for this request is told without it', async () => {
    far.answer = (response, { headers }) => response.writeHead(401).end(headers['x-token']);
    const headers = { 'x-token': async () => 'Token made-token' };
    const { message } = await failureOf(clientOf(far.url, { headers }));
    expect(message).toBe(`${far.url} answered 401 Unauthorized: ***`);
  });

  it('of 100 MB is cut off, its status counting and its first bytes kept', async () => {
    let sent = 0;
    let closed: Promise<unknown> | undefined;
    far.answer = (response) => {
      closed = once(response, 'close');
      response.writeHead(200);
      const chunk = Buffer.alloc(1_000_000, 'x');
      const more = () => {
        while (sent < 100_000_000 && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) return response.once('drain', more);
        }
        return response.end();
      };
      more();
    };
    const client = clientOf(far.url);
    const reply = await client.send({ body: '{}' }, live);
    expect(reply).toMatchObject({ status: 200, truncated: true });
    expect(reply.body).toHaveLength(16 * 1024);
    await closed;
    expect(sent).toBeLessThan(100_000_000);
    far.answer = answer(200);
    await client.send({ body: '{}' }, live); // and the client goes on
  });

  it('a little longer than what is kept is drained, and its connection used again', async () => {
    far.answer = answer(200, 'x'.repeat(100_000));
    const client = clientOf(far.url);
    for (let n = 0; n < 3; n += 1) {
      const reply = await client.send({ body: '{}' }, live);
      expect(reply.truncated).toBe(true);
    }
    expect(far.connections).toBe(1);
  });

  it.each([
    ['a success', 200, 'transient', /other side closed|aborted|terminated|ECONNRESET/],
    ['a refusal', 401, 'sink', /answered 401 Unauthorized: half/],
  ])('of %s that breaks off: %i is the fault of: %s', async (_, status, fault, message) => {
    far.answer = (response, __, request) => {
      response.writeHead(status, { 'content-length': '100' });
      response.write('half', () => setImmediate(() => request.socket.resetAndDestroy()));
    };
    const error = await failureOf(clientOf(far.url));
    expect(error.fault).toBe(fault);
    expect(error.message).toMatch(message);
  });

  it.each([
    [200, 'transient', 'deadline'],
    [403, 'sink', 'answered 403 Forbidden: drip'],
  ])('that trickles ends with the signal: %i', async (status, fault, message) => {
    const controller = new AbortController();
    far.answer = (response) => {
      response.writeHead(status);
      let drips = 0;
      const timer = setInterval(() => {
        response.write('drip');
        drips += 1;
        if (drips === 10) controller.abort(new Error('deadline'));
      }, 1);
      response.on('close', () => clearInterval(timer));
    };
    const error = await failureOf(clientOf(far.url), controller.signal);
    expect(error.fault).toBe(fault);
    expect(error.message).toContain(message);
  });
});

describe('the connection', () => {
  it('that is refused or reset is tried again', async () => {
    const client = clientOf(far.url);
    far.answer = (_, __, request) => request.socket.resetAndDestroy();
    expect((await failureOf(client)).fault).toBe('transient');
    await far.close();
    const refused = await failureOf(client);
    expect(refused.fault).toBe('transient');
    expect(refused.message).toContain('ECONNREFUSED');
    far = await farSide();
  });

  it('to a server that speaks no HTTP is tried again', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-x\r\n\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    expect((await failureOf(clientOf(`http://127.0.0.1:${port}`))).fault).toBe('transient');
    server.close();
  });

  it('ends at once when it is aborted, and while it waits for its turn', async () => {
    const arrived = new Promise<void>((resolve) => {
      far.answer = () => resolve(); // and never answers
    });
    const client = clientOf(far.url);
    const controller = new AbortController();
    const failures = [1, 2, 3].map(() => failureOf(client, controller.signal));
    await arrived;
    controller.abort(new Error('deadline'));
    for (const failure of failures) {
      expect(await failure).toMatchObject({ fault: 'transient', message: 'deadline' });
    }
    far.answer = answer(200);
    await client.send({ body: '{"last":1}' }, live);
    expect(far.seen.map(({ body }) => body)).toEqual(['{}', '{"last":1}']); // the others never left
  });

  it('is not opened for a signal that is aborted already', async () => {
    await failureOf(clientOf(far.url), AbortSignal.abort(new Error('deadline')));
    expect(far.connections).toBe(0);
  });

  it('closes with the client, requests under way included', async () => {
    const arrived = new Promise<void>((resolve) => {
      far.answer = () => resolve();
    });
    const client = clientOf(far.url);
    const failure = failureOf(client);
    await arrived;
    await client.close();
    expect(await failure).toMatchObject({ fault: 'sink', message: 'testSink is closed' });
    expect(await failureOf(client)).toMatchObject({ fault: 'sink', message: 'testSink is closed' });
    await client.close();
  });

  it('goes with the client', async () => {
    const client = clientOf(far.url, { connections: 2 });
    await Promise.all([1, 2].map(() => client.send({ body: '{}' }, live)));
    const ends = [...far.open].map((socket) => once(socket, 'close'));
    expect(ends).toHaveLength(2);
    await client.close();
    await Promise.all(ends);
  });

  it('of the user’s dispatcher ends its request when the client closes', async () => {
    const agent = new Agent();
    const arrived = new Promise<void>((resolve) => {
      far.answer = () => resolve();
    });
    const client = clientOf(far.url, { dispatcher: agent });
    const failure = failureOf(client);
    await arrived;
    await client.close();
    expect((await failure).message).toBe('testSink is closed');
    await agent.close();
  });
});

describe('TLS', () => {
  const trusting = (more: object = {}) => new Agent({ connect: { ca, ...more } });
  let agent: Agent;
  let secure: FarSide;
  beforeEach(() => {
    agent = trusting();
  });
  afterEach(async () => {
    await agent.close();
    await secure.close();
  });

  it('trusts a private CA through the user’s dispatcher, which stays open', async () => {
    secure = await farSide(localhost);
    const client = clientOf(secure.url, { dispatcher: agent });
    await client.send({ body: '{}' }, live);
    await client.close();
    expect(secure.seen).toHaveLength(1);
    expect(agent.destroyed || agent.closed).toBe(false);
  });

  it('shows a client certificate through the user’s dispatcher', async () => {
    secure = await farSide({ ...localhost, ca, requestCert: true, rejectUnauthorized: true });
    await agent.close();
    agent = trusting(clientCertificate);
    await clientOf(secure.url, { dispatcher: agent }).send({ body: '{}' }, live);
    expect(secure.seen).toHaveLength(1);
  });

  it('of an unknown CA is the fault of the sink', async () => {
    secure = await farSide(localhost);
    const error = await failureOf(clientOf(secure.url));
    expect(error.fault).toBe('sink');
    expect(error.message).toMatch(/certificate/);
    expect(secure.seen).toEqual([]);
  });

  it('of another host is the fault of the sink', async () => {
    secure = await farSide(elsewhere);
    const error = await failureOf(clientOf(secure.url, { dispatcher: agent }));
    expect(error.fault).toBe('sink');
    expect(error.message).toMatch(/altnames|IP/);
    expect(secure.seen).toEqual([]);
  });

  it('spoken to a server that has none is the fault of the sink', async () => {
    secure = await farSide();
    const error = await failureOf(clientOf(secure.url.replace('http:', 'https:')));
    expect(error.fault).toBe('sink');
  });
});

describe('the user’s dispatcher', () => {
  it('sends every request', async () => {
    const mock = new MockAgent();
    mock.disableNetConnect();
    mock.get('https://siem.example').intercept({ path: '/hook', method: 'POST' }).reply(200, 'ok');
    const client = clientOf('https://siem.example/hook', { dispatcher: mock });
    expect((await client.send({ body: '{}' }, live)).body.toString()).toBe('ok');
    await mock.close();
  });

  it('that its owner closed is the fault of the sink', async () => {
    const agent = new Agent();
    await agent.close();
    expect((await failureOf(clientOf(far.url, { dispatcher: agent }))).fault).toBe('sink');
  });

  it.each([null, 'http://proxy', {}])('that is none is refused: %p', (dispatcher) => {
    expect(() => clientOf(far.url, { dispatcher: dispatcher as HttpDispatcher })).toThrow(
      /^testSink\.dispatcher must be a dispatcher of undici, not /,
    );
  });
});

it('refuses credentials in the URL beside a header authorization', () => {
  const headers = { Authorization: 'Bearer t0ken' };
  expect(() => clientOf('http://u:p@h', { headers })).toThrow(
    'testSink.url has credentials, and there is a header authorization: which of them counts?',
  );
});
