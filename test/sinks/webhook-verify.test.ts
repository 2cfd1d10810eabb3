import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { AuditError } from '../../src/errors.js';
import {
  type VerifyWebhookOptions,
  verifyWebhook,
  type WebhookFault,
  type WebhookRequest,
  WebhookVerificationError,
} from '../../src/sinks/webhook.js';
import { fakeClock } from '../support/fake-clock.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const SENT = Date.UTC(2026, 0, 31, 12);
const BODY =
  '{"version":"0.2","type":"flag","action":"created","metadata":{"actor":{"authentication":"token","ip":"127.0.0.1"}},"payload":{"key":"é"},"timestamp":"2026-01-31T12:00:00.000Z","status":"success"}';
// Computed by Python's hmac, with SECRET and OTHER.
const HEADERS = {
  'webhook-id': '0d9c5a4e-3f70-4c55-9d3c-7d2a1b6e8f10',
  'webhook-timestamp': '1769860800',
  'webhook-signature':
    'v1,gYUoY19Iqjd3ZMUKKfgG6Jtk/bVErlGB+ERMwQNgBUA= v1,dPQN8lpvnjTIT+B7hJvCEeZVGXWDNcTPdEICVVGTAq8=',
};
const FLIPT = {
  'x-flipt-webhook-signature': 'ac6aa3bce7d74ac8af5adfe75bd5a7ae9c83a346859dec181b062ccd762e5ffd',
};
const standard = (...secrets: string[]): VerifyWebhookOptions => ({
  standardWebhooks: { secrets },
  clock: fakeClock(SENT),
});

function faultOf(request: WebhookRequest, options: VerifyWebhookOptions): WebhookFault {
  try {
    verifyWebhook(request, options);
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    expect(error.message).not.toMatch(/whsec_|MfKQ9|gYUoY|s3cr/);
    return error.fault;
  }
  throw new Error('accepted');
}

describe('a Standard Webhooks signature', () => {
  it('holds with any of the secrets of either side', () => {
    const request = { headers: HEADERS, body: BODY };
    for (const secrets of [[SECRET], [OTHER], ['whsec_bmV3ZXIga2V5', OTHER]]) {
      expect(verifyWebhook(request, standard(...secrets))).toEqual({
        id: '0d9c5a4e-3f70-4c55-9d3c-7d2a1b6e8f10',
        timestampMs: SENT,
        events: [JSON.parse(BODY)],
      });
    }
    expect(faultOf(request, standard('whsec_bmV3ZXIga2V5'))).toBe('wrong-signature');
  });

  it('is that of the specification', () => {
    // The test vector of the specification's own libraries; its body is no event of ours.
    const request = {
      headers: {
        'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        'webhook-timestamp': '1614265330',
        'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      },
      body: '{"test": 2432232314}',
    };
    const options = { ...standard(SECRET), clock: fakeClock(1614265330_000) };
    expect(faultOf(request, options)).toBe('invalid-body'); // the signature holds
    expect(faultOf({ ...request, body: '{"test": 2432232315}' }, options)).toBe('wrong-signature');
  });

  it('is read from the headers of Node, of fetch and of others, the body as text or bytes', () => {
    const upper = Object.fromEntries(
      Object.entries(HEADERS).map(([name, value]) => [name.toUpperCase(), [value]]),
    );
    for (const headers of [HEADERS, upper, new Headers(HEADERS)]) {
      for (const body of [BODY, Buffer.from(BODY), new Uint8Array(Buffer.from(BODY))]) {
        expect(verifyWebhook({ headers, body }, standard(SECRET)).events).toHaveLength(1);
      }
    }
  });

  it.each([
    ['the body', {}, BODY.replace('created', 'deleted')],
    ['the id', { 'webhook-id': 'another' }, BODY],
    ['the time', { 'webhook-timestamp': '1769860801' }, BODY],
    ['the signature', { 'webhook-signature': `v1,${'A'.repeat(43)}=` }, BODY],
    ['the length of the signature', { 'webhook-signature': 'v1,AAAA' }, BODY],
  ])('breaks when %s is another', (_, headers, body) => {
    expect(faultOf({ headers: { ...HEADERS, ...headers }, body }, standard(SECRET))).toBe(
      'wrong-signature',
    );
  });

  it.each([
    ['webhook-id', undefined],
    ['webhook-id', ''],
    ['webhook-timestamp', undefined],
    ['webhook-timestamp', '1769860800.5'],
    ['webhook-timestamp', '-1'],
    ['webhook-timestamp', '2026-01-31T12:00:00Z'],
    ['webhook-signature', undefined],
    ['webhook-signature', 'v1a,gYUoY19Iqjd3ZMUKKfgG6Jtk/bVErlGB+ERMwQNgBUA='],
    ['webhook-signature', 'gYUoY19Iqjd3ZMUKKfgG6Jtk/bVErlGB+ERMwQNgBUA='],
    ['webhook-signature', ['v1,a', 'v1,b']],
  ])('is demanded with its headers: %s %p', (name, value) => {
    const headers = { ...HEADERS, [name]: value };
    expect(faultOf({ headers, body: BODY }, standard(SECRET))).toBe('invalid-header');
  });

  it('holds for five minutes, either way', () => {
    const request = { headers: HEADERS, body: BODY };
    const at = (ms: number, more = {}): VerifyWebhookOptions => ({
      ...standard(SECRET),
      clock: fakeClock(SENT + ms),
      ...more,
    });
    for (const ms of [300_000, -300_000]) expect(verifyWebhook(request, at(ms)).id).toBeDefined();
    expect(faultOf(request, at(300_001))).toBe('too-old');
    expect(faultOf(request, at(-300_001))).toBe('too-new');
    expect(faultOf(request, at(1001, { toleranceMs: 1000 }))).toBe('too-old');
    expect(verifyWebhook(request, at(1000, { toleranceMs: 1000 })).id).toBeDefined();
  });

  it('cannot be stood in for by Flipt’s where both are demanded', () => {
    const options = { ...standard(SECRET), signingSecret: 's3crET' };
    expect(faultOf({ headers: FLIPT, body: BODY }, options)).toBe('invalid-header');
    expect(faultOf({ headers: HEADERS, body: BODY }, options)).toBe('invalid-header');
    expect(
      verifyWebhook({ headers: { ...HEADERS, ...FLIPT }, body: BODY }, options).id,
    ).toBeDefined();
  });
});

describe('Flipt’s signature', () => {
  const request = { headers: FLIPT, body: BODY };

  it('holds with any of the secrets, and vouches for neither id nor time', () => {
    for (const signingSecret of ['s3crET', ['new', 's3crET']]) {
      const headers = { ...HEADERS, ...FLIPT };
      expect(verifyWebhook({ headers, body: BODY }, { signingSecret })).toEqual({
        events: [JSON.parse(BODY)],
      });
    }
  });

  it('breaks with another body or secret', () => {
    expect(faultOf(request, { signingSecret: 'other' })).toBe('wrong-signature');
    expect(faultOf({ ...request, body: `${BODY} ` }, { signingSecret: 's3crET' })).toBe(
      'wrong-signature',
    );
  });

  it.each([undefined, '', 'ac6a', 'x'.repeat(64)])('is demanded in its form: %p', (value) => {
    const headers = { 'x-flipt-webhook-signature': value };
    expect(faultOf({ headers, body: BODY }, { signingSecret: 's3crET' })).toBe('invalid-header');
  });
});

describe('a body whose signature holds', () => {
  const verified = (body: string | Uint8Array) => {
    const signature = createHmac('sha256', 'k').update(body).digest('hex');
    const headers = { 'x-flipt-webhook-signature': signature };
    return [{ headers, body }, { signingSecret: 'k' }] as const;
  };

  it('is one event or several', () => {
    expect(verifyWebhook(...verified(`[${BODY},${BODY}]`)).events).toHaveLength(2);
    expect(verifyWebhook(...verified('[]')).events).toEqual([]);
  });

  it.each([
    '',
    'null',
    '7',
    '{}',
    '[1]',
    '{"type":"flag","action":"created","timestamp":"x","metadata":null}',
    Buffer.from(BODY.replace('é', '\xff'), 'latin1'), // no UTF-8
  ])('and that is no event is refused: %p', (body) => {
    expect(faultOf(...verified(body))).toBe('invalid-body');
  });

  it('reaches no prototype', () => {
    const body = BODY.replace('"key":"é"', '"__proto__":{"polluted":true}');
    const [event] = verifyWebhook(...verified(body)).events;
    expect(Object.keys(event!.payload as object)).toEqual(['__proto__']);
    expect((event!.payload as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('what verifyWebhook is given', () => {
  const refusal = (request: object, options: object) => {
    try {
      verifyWebhook(request as WebhookRequest, options as VerifyWebhookOptions);
    } catch (error) {
      expect(error).toBeInstanceOf(AuditError);
      return (error as AuditError).message;
    }
    throw new Error('accepted');
  };
  const request = { headers: {}, body: BODY };

  it.each([
    [{}, 'verifyWebhook needs a secret: standardWebhooks.secrets or signingSecret'],
    [{ signingSecret: [] }, 'verifyWebhook needs a secret'],
    [
      { signingSecret: ['k', ''] },
      'verifyWebhook.signingSecret must be a string, not an empty one',
    ],
    [
      { standardWebhooks: { secrets: [] } },
      'verifyWebhook.standardWebhooks.secrets must be an array',
    ],
    [{ secret: 'x' }, 'verifyWebhook has no option "secret"'],
    [
      { signingSecret: 'k', toleranceMs: Number.NaN },
      'verifyWebhook.toleranceMs must be a number from 0, not NaN',
    ],
  ])('is refused by name: %j', (options, message) => {
    expect(refusal(request, options)).toContain(message);
  });

  it.each(['whsec_', 'whsec_####', 'whsec_AAA A', 'whsec_A', 'whsec_AAAAA', 'whsec_AB', '', 7])(
    'is refused for a secret that is no key: %p',
    (secret) => {
      expect(refusal(request, { standardWebhooks: { secrets: [SECRET, secret] } })).toBe(
        'verifyWebhook.standardWebhooks.secrets[1] must be whsec_ and a key in base64',
      );
    },
  );

  it('must be the body as it came', () => {
    const parsed = { headers: FLIPT, body: JSON.parse(BODY) };
    expect(refusal(parsed, { signingSecret: 'k' })).toContain('a parsed one cannot be verified');
  });
});
