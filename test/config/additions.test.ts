import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { planAudit } from '../../src/config/plan.js';
import { AuditError } from '../../src/errors.js';
import { createEvent } from '../../src/event/event.js';
import type { PublishedCheckpoint } from '../../src/ledger/checkpoint-options.js';
import { verifyChain } from '../support/verify-chain.js';
import { configRig, faultsOf } from './support.js';

const rig = configRig();

describe('rules in a file', () => {
  const RULES = `
audit:
  rules:
    - match: { http.request.method: POST, http.route: /invoices/:id/refund }
      type: invoice
      action: refunded
      actor: { name: { attribute: enduser.id } }
      payload: { path: { attribute: url.path } }
`;

  it('make audit events of ordinary spans', async () => {
    const audit = await rig.create(rig.write('audit.yaml', RULES));
    const provider = new BasicTracerProvider({
      sampler: audit.sampler,
      spanProcessors: [audit.spanProcessor],
    });
    const attributes = {
      'http.request.method': 'POST',
      'http.route': '/invoices/:id/refund',
      'url.path': '/invoices/7/refund',
      'enduser.id': 'ada',
    };
    const options = { attributes, kind: SpanKind.SERVER };
    provider.getTracer('test').startSpan('POST', options).end();
    await provider.shutdown();
    const [line] = verifyChain('audit');
    expect(JSON.parse(JSON.stringify(line))).toMatchObject({
      event: {
        type: 'invoice',
        action: 'refunded',
        metadata: { actor: { name: 'ada' } },
        payload: { path: '/invoices/7/refund' },
      },
    });
  });

  it('are refused with the place of what is wrong', async () => {
    const rules = (rule: object) => rig.create({ audit: { ledger: 'x', rules: [rule] } });
    const good = { match: { 'http.route': '/x' }, type: 'a', action: 'b' };
    expect(await faultsOf(rules({ ...good, colour: 1 }))).toEqual([
      expect.stringMatching(/^audit\.rules\[0\]\.colour is no field; there are match, /),
    ]);
    expect(await faultsOf(rules({ ...good, match: { 'http.route': { is: 1 } } }))).toEqual([
      expect.stringMatching(/^audit\.rules\[0\]\.match\["http\.route"\] must be a value/),
    ]);
    expect(await faultsOf(rules('POST' as unknown as object))).toEqual([
      'audit.rules[0] must be an object',
    ]);
  });
});

describe('checkpoints in a file', () => {
  const pem = () =>
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const config = (more: object) => ({
    audit: { ledger: { directory: 'kept', checkpoint: { origin: 'audit.example/shop', ...more } } },
  });

  it('are signed, and published by code', async () => {
    rig.write('key.pem', pem());
    const published: PublishedCheckpoint[] = [];
    const { exporter } = await rig.create(config({ key: '${file:key.pem}', everyRecords: 1 }), {
      onCheckpoint: (checkpoint) => {
        published.push(checkpoint);
      },
    });
    await exporter.sendAudits([createEvent({ type: 'a', action: 'b' })]);
    await exporter.shutdown();
    expect(published.at(-1)).toMatchObject({ origin: 'audit.example/shop', size: 1 });
    expect(fs.readdirSync('kept')).toContain('checkpoints');
  });

  it('may have their key in a variable of one line', async () => {
    const env = { KEY: pem().replaceAll('\n', '\\n') };
    await rig.create(config({ key: '${KEY}' }), { env });
  });

  it('are refused with the place of what is wrong, and nothing of the key', async () => {
    const env = { KEY: 'hunter2-correct-horse' };
    expect(await faultsOf(rig.create(config({ key: '${KEY}', everyMs: '0s' }), { env }))).toEqual([
      expect.stringMatching(/^audit\.ledger\.checkpoint\.everyMs must be a duration/),
      'audit.ledger.checkpoint.key (a text) is no private key as PKCS#8 in PEM, without a passphrase',
    ]);
    expect(await faultsOf(rig.create(config({})))).toEqual([
      'audit.ledger.checkpoint.key must be a private key in PEM, best as ${file:/path}',
    ]);
    expect(await faultsOf(rig.create(config({ key: pem(), origin: 'a b' })))).toEqual([
      expect.stringMatching(/^audit\.ledger\.checkpoint\.origin must name the log/),
    ]);
  });
});

describe('redaction in a file', () => {
  const redact = { paths: ['payload.ssn', '**.password'], mode: 'hmac', key: '${KEY}' };
  const plan = () =>
    planAudit(
      { audit: { ledger: 'kept', redact } },
      { origin: 'a.yaml', isFile: true, strict: false, env: { KEY: 'hunter2' }, taken: [] },
    );

  it('is the exporter’s', async () => {
    expect((await plan()).options.redact).toEqual({
      paths: ['payload.ssn', '**.password'],
      mode: 'hmac',
      key: 'hunter2',
    });
  });

  it('is refused with the place of what is wrong, where only the exporter can tell', async () => {
    const { explain } = await plan();
    const said = 'SinkSpanExporter: redact.paths[1] must begin with payload, not hunter2';
    expect(explain(new AuditError('invalid-option', said))).toMatchObject({
      faults: [{ path: 'audit.redact.paths[1]', message: 'must begin with payload, not [secret]' }],
    });
    const other = new AuditError('ledger-locked', 'the ledger is in use');
    expect(explain(other)).toBe(other);
  });
});
