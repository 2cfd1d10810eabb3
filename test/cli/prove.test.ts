import fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { openRecordProof, verifyConsistency, verifyInclusion } from '../../src/evidence/index.js';
import { ledgerFolder } from '../support/ledger-folder.js';
import { signingKey } from '../support/signing-key.js';
import { DEMO_KEY, makeDemoLedger } from './support/demo-ledger.js';
import { otelAudit } from './support/otel-audit.js';

const folder = ledgerFolder();
beforeEach(() => makeDemoLedger(folder.path));

const checkpointFile = (size: number) =>
  folder.file(`checkpoints/${String(size).padStart(20, '0')}.checkpoint`);
const keyFile = (name: string, text: string) => {
  const path = join(folder.path, '..', name);
  fs.writeFileSync(path, text);
  return path;
};

describe('otel-audit prove', () => {
  it('prints what a stranger needs beside the line and the key', async () => {
    const [line] = (await otelAudit(['search', folder.path, '--type', 'payment', '--json'])).out;
    const { code, out } = await otelAudit(['prove', folder.path, '18']);
    expect(code).toBe(0);
    const proof = `${out.join('\n')}\n`;
    expect(openRecordProof(proof, line!, DEMO_KEY.public)).toMatchObject({
      sequence: 18,
      size: 40,
    });
    const [json] = (await otelAudit(['prove', folder.path, '18', '--json'])).json;
    expect(json).toMatchObject({ sequence: 18, size: 40, line, proof });
    expect(verifyInclusion(json, line!)).toBe(true);
  });

  it('leads to the checkpoint that is given', async () => {
    const args = ['prove', folder.path, '18', '--json', '--checkpoint', checkpointFile(30)];
    expect((await otelAudit(args)).json).toMatchObject([{ sequence: 18, size: 30 }]);
  });

  it('fails for a record that was altered, with a key and without, with exit code 1', async () => {
    const args = ['prove', folder.path, '18', '--key', keyFile('audit.pub', DEMO_KEY.public)];
    expect((await otelAudit(args)).code).toBe(0);
    const other = keyFile('other.pub', signingKey().public);
    expect((await otelAudit(['prove', folder.path, '18', '--key', other])).code).toBe(1);
    const file = folder.file('00000000000000000018.jsonl');
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('"amount":-5', '"amount":50'));
    for (const asked of [args, args.slice(0, 3), [...args.slice(0, 3), '--json']]) {
      const { code, out, err } = await otelAudit(asked);
      expect({ code, out }).toEqual({ code: 1, out: [] });
      expect(err).toContain(`record 18 of ${folder.path} is not what is in the checkpoint`);
    }
  });

  it('says what is missing', async () => {
    expect((await otelAudit(['prove', folder.path, '41'])).err).toContain('has no record "41"');
    const far = await otelAudit(['prove', folder.path, '35', '--checkpoint', checkpointFile(30)]);
    expect(far.code).toBe(2);
    fs.rmSync(folder.file('checkpoints'), { recursive: true });
    const { code, err } = await otelAudit(['prove', folder.path, '18']);
    expect(code).toBe(2);
    expect(err).toContain('has no checkpoints: switch them on with the option ledger.checkpoint');
  });
});

describe('otel-audit consistency', () => {
  it('proves growth between sizes and between files', async () => {
    for (const args of [['30'], ['30', '40'], [checkpointFile(30), checkpointFile(40)]]) {
      const { code, json } = await otelAudit(['consistency', folder.path, ...args, '--json']);
      expect(code).toBe(0);
      expect(json).toMatchObject([{ ok: true, from: 30, to: 40 }]);
      expect(verifyConsistency(json[0])).toBe(true);
    }
    const { out } = await otelAudit(['consistency', folder.path, '30']);
    expect(out[0]).toBe('✔ consistent  40 records begin with the 30 of before');
  });

  it('holds the newest checkpoint against the tree too, and its signature', async () => {
    const hashes = folder.file('checkpoints/hashes/0-0000000000');
    const whole = fs.readFileSync(hashes);
    const key = keyFile('audit.pub', DEMO_KEY.public);
    const grown = () => otelAudit(['consistency', folder.path, checkpointFile(30), '--key', key]);
    expect((await grown()).code).toBe(0);
    const altered = Buffer.from(whole);
    altered[35 * 32]! ^= 1;
    fs.writeFileSync(hashes, altered);
    expect((await grown()).code).toBe(1);
    fs.writeFileSync(hashes, whole);
    const file = checkpointFile(40);
    fs.writeFileSync(
      file,
      fs.readFileSync(file, 'utf8').replace(/ [A-Za-z0-9+/=]+\n$/, ` ${'A'.repeat(92)}\n`),
    );
    expect(await grown()).toMatchObject({ code: 1, out: [] });
  });

  it('finds a checkpoint of another history, with exit code 1', async () => {
    const text = fs.readFileSync(checkpointFile(30), 'utf8').split('\n');
    text[2] = fs.readFileSync(checkpointFile(40), 'utf8').split('\n')[2]!;
    const forged = keyFile('forged', text.join('\n'));
    const { code, out } = await otelAudit(['consistency', folder.path, forged]);
    expect(code).toBe(1);
    expect(out[0]).toMatch(
      /^✘ broken {2}the checkpoint says that the first 30 records have the root/,
    );
    expect((await otelAudit(['consistency', folder.path, forged, '--json'])).json).toMatchObject([
      { ok: false },
    ]);
    // With the key its signature is found to be none before.
    const key = keyFile('audit.pub', DEMO_KEY.public);
    expect((await otelAudit(['consistency', folder.path, forged, '--key', key])).code).toBe(1);
  });

  it.each([['41'], ['0'], ['none'], ['40', '30']])('refuses %j', async (...args) => {
    expect((await otelAudit(['consistency', folder.path, ...args.flat()])).code).toBe(2);
  });
});
