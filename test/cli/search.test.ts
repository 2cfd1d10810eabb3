import fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AuditEventInit, createEvent } from '../../src/event/event.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { ledgerFolder } from '../support/ledger-folder.js';
import { makeDemoLedger } from './support/demo-ledger.js';
import { otelAudit } from './support/otel-audit.js';

const folder = ledgerFolder();

/** The numbers of the records that a search finds in the demo. */
async function found(...args: string[]): Promise<number[]> {
  const { code, json, err } = await otelAudit(['search', folder.path, '--json', ...args]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return json.map(({ seq }) => seq);
}

describe('otel-audit search', () => {
  beforeEach(() => makeDemoLedger(folder.path));

  it.each<[string[], number[]]>([
    [
      ['--status', 'denied'],
      [4, 11, 25, 32, 39],
    ],
    [['flag:deleted'], [4, 11, 25, 32, 39]],
    [
      ['payment:*', 'member:*', '--limit', '3'],
      [5, 10, 15],
    ],
    [['--type', 'payment', '--action', 'refunded'], [18]],
    [['--type', 'payment', '--action', 'updated'], []],
    [['--actor', 'linus@example.com', '--status', 'failed'], [18]],
    [['--actor', 'linus@example'], []],
    [['--where', 'payload.order=A-1017'], [18]],
    [['--where', 'payload.amount=-5'], [18]],
    [['--where', 'payload.amount=-5.0'], [18]],
    [['--where', 'payload.order=A-1017', '--where', 'payload.currency=USD'], []],
    [['--where', 'payload.after.rollout=46'], [37]],
    [['--where', 'metadata.actor.ip=203.0.113.9', '--type', 'payment'], [18]],
    [['--where', 'payload.before.enabled=false', '--since', '2026-11-25'], []],
    [
      ['--since', '2026-11-24T20:00:00Z', '--until', '2026-11-24T22:00:00Z'],
      [36, 37],
    ],
  ])('%j', async (args, numbers) => {
    expect(await found(...args)).toEqual(numbers);
  });

  it('takes how long ago', async () => {
    const now = Date.UTC(2026, 10, 25, 1);
    const { json } = await otelAudit(['search', folder.path, '--json', '--since', '120m'], { now });
    expect(json.map(({ seq }) => seq)).toEqual([39, 40]);
  });

  it('prints with --json the exact lines, in a table who did what', async () => {
    const lines = fs.readFileSync(folder.file('00000000000000000018.jsonl'), 'utf8').split('\n');
    const args = ['search', folder.path, '--type', 'payment'];
    expect((await otelAudit([...args, '--json'])).out).toEqual([lines[0]]);
    expect((await otelAudit(args)).out).toEqual([
      '18        2026-11-24T01:50:59Z  payment:refunded        failed    linus@example.com         {"order":"A-1017","amount":-5,"currency":"EUR"}',
    ]);
  });

  it('does not open the files of other times', async () => {
    const noRecords = (name: string) => {
      const [first] = fs.readFileSync(folder.file(name), 'utf8').split('\n');
      fs.writeFileSync(folder.file(name), `${first}\nno record\n`);
    };
    noRecords('00000000000000000001.jsonl');
    expect(await found('--since', '2026-11-25')).toEqual([40]);
    const { err } = await otelAudit(['search', folder.path, '--until', '2026-11-25']);
    expect(err).toMatch(/0001\.jsonl has lines that are no records: run otel-audit verify/);
  });

  it('leaves out lines that a later segment supersedes', async () => {
    const [line] = fs.readFileSync(folder.file('00000000000000000018.jsonl'), 'utf8').split('\n');
    fs.appendFileSync(folder.file('00000000000000000001.jsonl'), `${line}\n`);
    expect(await found('--type', 'payment')).toEqual([18]);
  });

  it('says so where nothing fits, which is no error', async () => {
    const { code, out, err } = await otelAudit(['search', folder.path, '--type', 'none']);
    expect({ code, out, err }).toEqual({ code: 0, out: [], err: 'no record fits\n' });
  });
});

describe('what search finds', () => {
  const text = fc.oneof(
    fc.constantFrom(
      'ada',
      'ada@example.com',
      '"',
      '\\',
      '\\u0061',
      'é',
      '寬',
      '/',
      'a/b',
      '',
      '\n',
    ),
    fc.string({ maxLength: 6 }),
  );
  // Others print JSON in their own way: a payload that came as text stays as it came.
  const odd = (value: string) =>
    `"${[...value].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
  const event = fc.record({
    email: text.filter((one) => one !== ''), // an empty one is left out
    value: fc.oneof(text, fc.integer(), fc.boolean()),
    status: fc.constantFrom('success', 'denied'),
    isOdd: fc.boolean(),
  });

  it('is what a look at each record finds, however its text is spelt', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1, maxLength: 20 }),
        text,
        async (all, wanted) => {
          const ledger = join(fs.mkdtempSync(join(folder.path, '..', 'search-')), 'audit');
          const exporter = new SinkSpanExporter({ ledger, sinks: {} });
          const init = ({ email, value, status }: (typeof all)[number]): AuditEventInit => ({
            type: 'flag',
            action: 'created',
            status,
            actor: { email, other: 'ada' },
            payload: { key: value },
          });
          await exporter.sendAudits(all.map((one) => createEvent(init(one))));
          await exporter.shutdown();
          const file = join(ledger, '00000000000000000001.jsonl');
          const lines = fs.readFileSync(file, 'utf8').split('\n');
          for (const [n, { email, isOdd }] of all.entries()) {
            if (!isOdd || !/^[\x20-\x7e]*$/.test(email)) continue;
            lines[n] = lines[n]!.replace(JSON.stringify(email), () => odd(email));
          }
          fs.writeFileSync(file, lines.join('\n'));
          const numbers = async (...args: string[]) =>
            (await otelAudit(['search', ledger, '--json', ...args])).json.map(({ seq }) => seq);
          const expected = (accepts: (one: (typeof all)[number]) => boolean) =>
            all.flatMap((one, n) => (accepts(one) ? [n + 1] : []));
          expect(await numbers(`--actor=${wanted}`)).toEqual(
            expected(({ email }) => email === wanted || wanted === 'ada'),
          );
          expect(await numbers(`--where=payload.key=${wanted}`)).toEqual(
            expected(({ value }) =>
              typeof value === 'number'
                ? wanted.trim() !== '' && Number(wanted) === value
                : String(value) === wanted,
            ),
          );
          expect(await numbers('--status=denied', `--actor=${wanted}`)).toEqual(
            expected(
              ({ email, status }) => status === 'denied' && (email === wanted || wanted === 'ada'),
            ),
          );
        },
      ),
      { numRuns: 40 },
    );
  });
});
