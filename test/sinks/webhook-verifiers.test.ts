import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { createEvent } from '../../src/event/event.js';
import { verifyWebhook, webhookSink } from '../../src/sinks/webhook.js';
import { type FarSide, farSide, type Seen } from '../support/far-side.js';

const hasGo = spawnSync('go', ['version']).status === 0;
if (!hasGo && process.env.CI) throw new Error('Go is missing, whose crypto/hmac is to verify');
const goIt = hasGo ? it : it.skip;

const keyOf = (letter: string) => Buffer.from(letter.repeat(32)).toString('base64');
const [OLD, NEW] = [keyOf('o'), keyOf('n')];
const SECRET = 's3crÉT';

let far: FarSide;
let requests: readonly Seen[];
beforeAll(async () => {
  far = await farSide();
  const events = ['e', 'ü🎉"\\\n', 'x'.repeat(70_000), '</script>'].map((key, n) =>
    createEvent({ type: 'flag', action: 'created', payload: { key }, id: `e ${n} %` }),
  );
  const signal = new AbortController().signal;
  for (const mode of ['each', 'batch'] as const) {
    for (const fields of ['flipt', 'full'] as const) {
      const sink = webhookSink({
        url: far.url,
        mode,
        fields,
        signingSecret: SECRET,
        standardWebhooks: { secrets: [`whsec_${OLD}`, `whsec_${NEW}`] },
      });
      await sink.sendAudits(events, { signal, attempt: 1 });
      await sink.close?.();
    }
  }
  requests = [...far.seen];
});
afterAll(() => far.close());

const header = ({ headers }: Seen, name: string) => String(headers[name]);

describe('what others say of our signatures', () => {
  it.each([OLD, NEW])('the Standard Webhooks library accepts them with the secret %s', (key) => {
    expect(requests).toHaveLength(10);
    const webhook = new Webhook(`whsec_${key}`);
    for (const { body, headers } of requests) {
      expect(webhook.verify(body, headers as Record<string, string>)).toEqual(JSON.parse(body));
    }
  });

  it('the Standard Webhooks library refuses another secret, body, id or time', () => {
    const [{ body, headers }] = requests as [Seen];
    const refused = (key: string, text: string, changed: Record<string, string>) => {
      const given = { ...(headers as Record<string, string>), ...changed };
      expect(() => new Webhook(key).verify(text, given)).toThrow('No matching signature found');
    };
    refused(keyOf('x'), body, {});
    refused(OLD, `${body} `, {});
    refused(OLD, body, { 'webhook-id': 'another' });
    refused(OLD, body, { 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 1) });
  });

  it('we accept what the Standard Webhooks library signs', () => {
    const [{ body }] = requests as [Seen];
    const at = new Date();
    const signature = new Webhook(NEW).sign('msg_1', at, body);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': signature,
    };
    const options = { standardWebhooks: { secrets: [`whsec_${NEW}`] } };
    expect(verifyWebhook({ headers, body }, options)).toMatchObject({ id: 'msg_1' });
  });

  goIt("Go's crypto/hmac accepts both kinds, and neither with another secret (needs Go)", () => {
    const line = (seen: Seen, secret: string, key: string) =>
      JSON.stringify({
        body: seen.body,
        id: header(seen, 'webhook-id'),
        timestamp: header(seen, 'webhook-timestamp'),
        flipt: header(seen, 'x-flipt-webhook-signature'),
        standard: header(seen, 'webhook-signature'),
        secret,
        key,
      });
    const lines = requests.flatMap((seen) => [
      line(seen, SECRET, OLD),
      line(seen, SECRET, NEW),
      line(seen, 'another', OLD),
      line(seen, SECRET, keyOf('x')),
    ]);
    const program = `${__dirname}/webhook-go/main.go`;
    const env = { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off' };
    const input = lines.join('\n');
    const output = execFileSync('go', ['run', program], { input, env, encoding: 'utf8' });
    expect(output.trim().split('\n')).toEqual(
      requests.flatMap(() => ['true', 'true', 'false', 'false']),
    );
  });
});
