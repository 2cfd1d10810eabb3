import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { leavesOf, outline } from '../../src/config/outline.js';
import { diagLog } from '../support/diag-log.js';
import { configRig, refusal } from './support.js';

const diagnostics = diagLog();
const rig = configRig();

const SECRET = 'hunter2-correct-horse';

/** Everything that a person could see of an error. */
function shown(error: unknown): string {
  const { stack = '', cause } = error as Error;
  return [inspect(error, { depth: 20 }), stack, JSON.stringify(error), String(cause)].join('\n');
}

/** What shows that a configuration was looked at, so that no test passes on an error of its own. */
async function shownOf(creating: Promise<unknown>): Promise<string> {
  return shown(await refusal(creating)) + diagnostics.lines.join('\n');
}

// Beside each secret something is wrong, so that there is an error to look at.
const WRONG = { ledger: { slots: 'maybe' } };

describe('a secret', () => {
  it.each<[string, object]>([
    ['signing_secret', { webhook: { enabled: true, url: 'http://a', signing_secret: SECRET } }],
    ['signing_secret of the wrong type', { webhook: { signing_secret: [SECRET] } }],
    ['a header', { otlp: { enabled: true, headers: { authorization: `${SECRET}\n` } } }],
    [
      'a header of a template',
      {
        webhook: {
          enabled: true,
          templates: [{ url: 'http://a', body: '{', headers: { a: `${SECRET}\0` } }],
        },
      },
    ],
    ['headers that are a text', { otlp: { enabled: true, headers: SECRET } }],
    [
      'a secret of the Standard Webhooks',
      { webhook: { enabled: true, url: 'http://a', standardWebhooks: { secrets: [SECRET] } } },
    ],
    ['a password in a URL', { webhook: { enabled: true, url: `ftp://user:${SECRET}@host/` } }],
    ['a token in a URL', { webhook: { enabled: true, url: `http//host/${SECRET}` } }],
    [
      'a password of Kafka',
      { kafka: { enabled: true, authentication: { username: 'u', password: { a: SECRET } } } },
    ],
    ['a value under a misspelt key', { webhook: { enabled: true, signing_secrt: SECRET } }],
    ['a value in the place of a section', { webhook: SECRET }],
    [
      'a value whose colon has no blank behind it',
      { webhook: { [`signing_secret:${SECRET}`]: null } },
    ],
    [
      'a whole value in a place that is no secret',
      { log: { enabled: SECRET, encoding: SECRET, fields: SECRET } },
    ],
    ['an expression that is none', { webhook: { signing_secret: `\${${SECRET}}` } }],
  ])('is not shown: %s', async (_, sinks) => {
    const creating = rig.create({ audit: { ...WRONG, sinks } });
    expect(await shownOf(creating)).not.toContain(SECRET);
  });

  it.each(['webhook.signing_secret', 'log.encoding', 'log.enabled', 'webhook.url'])(
    'is not shown when it comes from a variable or a file and stands at %s',
    async (place) => {
      rig.write('secret', `${SECRET}\n`);
      const [sink, key] = place.split('.') as [string, string];
      for (const text of ['${file:secret}', '${S}', 'ftp://x/${S}', '${S:-x}']) {
        const creating = rig.create(
          { audit: { ...WRONG, sinks: { [sink]: { enabled: true, [key]: text } } } },
          { env: { S: SECRET } },
        );
        expect(await shownOf(creating)).not.toContain(SECRET);
      }
    },
  );

  it.each([`${SECRET}"`, `${SECRET}\\`, `${SECRET}\n`, `${SECRET} %\ud800`])(
    'is not shown as a message or a URL writes it: %j',
    async (secret) => {
      for (const url of ['${S}', 'ftp://x/${S}', 'no url ${S}', 'http://h:99999/${S}']) {
        for (const sink of ['webhook', 'otlp']) {
          const creating = rig.create(
            { audit: { ...WRONG, sinks: { [sink]: { enabled: true, url } } } },
            { env: { S: secret } },
          );
          expect(await shownOf(creating)).not.toContain(SECRET);
        }
      }
    },
  );

  it('is not shown in part where another secret begins it', async () => {
    const env = { A: SECRET.slice(0, 7), B: SECRET };
    const creating = rig.create(
      { audit: { sinks: { log: { enabled: '${A}' }, otlp: { enabled: true, url: 'x${B}' } } } },
      { env },
    );
    expect(await shownOf(creating)).not.toContain(SECRET.slice(7));
  });

  it('is not shown where the environment sets it, whichever key that is', async () => {
    const keys = leavesOf(outline()).map(({ keys }) => keys.join('.'));
    expect(keys.length).toBeGreaterThan(80);
    const { variableOf } = await import('../../src/config/environment.js');
    for (const { keys, notes } of leavesOf(outline())) {
      const name = variableOf(keys);
      if (notes?.kind === 'text' || keys.at(-1) === 'ledger') continue; // a path or a host may be shown
      if (keys.at(-1) === 'events') continue; // Flipt's texts show the pair
      const env = { [name]: SECRET, FLIPT_AUDIT_LEDGER_SLOTS: 'maybe' };
      expect(await shownOf(rig.create({}, { env }))).not.toContain(SECRET);
    }
  });

  it.each([
    ['a.yaml', `audit:\n  sinks:\n    webhook:\n      url: x\n      signing_secret:${SECRET}\n`],
    ['a.yaml', `audit: { signing_secret: "${SECRET} }`],
    ['a.yaml', `audit: [ *${SECRET} ]`],
    ['a.yaml', `audit: !${SECRET} x`],
    ['a.yaml', `${SECRET}: 1\n${SECRET}: 2\n`],
    ['a.yaml', `${SECRET}`],
    ['a.json', `{ "signing_secret": ${SECRET} }`],
    ['a.json', `{ "signing_secret": "${SECRET}`],
  ])('is not shown by a file that cannot be read (%s, case %#)', async (name, text) => {
    expect(await shownOf(rig.create(rig.write(name, text)))).not.toContain(SECRET);
  });

  it('is not shown by what createAudit returns', async () => {
    const audit = await rig.create({
      audit: {
        ledger: 'kept',
        sinks: {
          webhook: {
            enabled: true,
            url: `http://u:${SECRET}@localhost:1/${SECRET}`,
            signing_secret: SECRET,
          },
          otlp: { enabled: true, headers: { authorization: SECRET } },
          cloud: { enabled: true },
        },
      },
      cloud: { authentication: { api_key: SECRET } },
    });
    const { exporter } = audit;
    const texts = [audit, exporter.stats(), exporter.health()].map((one) =>
      inspect(one, { depth: 9 }),
    );
    expect(texts.join('\n') + diagnostics.lines.join('\n')).not.toContain(SECRET);
    expect(JSON.stringify(audit)).not.toContain(SECRET);
  });
});
