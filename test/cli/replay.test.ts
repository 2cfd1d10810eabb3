import fs from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { run } from '../../src/cli/run.js';
import { createEvent } from '../../src/event/event.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { SinkError } from '../../src/sink.js';

let folder: string;
let ledger: string;
let config: string;
let server: Server;
let posted: { id: string; body: string }[];
/** Bodies that hold this text are refused for good. */
let refuses: string | undefined;

beforeEach(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), 'replay-'));
  ledger = join(folder, 'audit');
  posted = [];
  refuses = undefined;
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const isRefused = refuses !== undefined && body.includes(refuses);
      if (!isRefused) posted.push({ id: String(request.headers['webhook-id']), body });
      response.writeHead(isRefused ? 422 : 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  config = join(folder, 'audit.json');
  const webhook = { enabled: true, url: `http://127.0.0.1:${port}/` };
  fs.writeFileSync(config, JSON.stringify({ audit: { sinks: { webhook } } }));
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  fs.rmSync(folder, { recursive: true });
});

/** A ledger of ten records, of which the sink refused those of type `token`. */
async function fill(): Promise<{ ids: string[]; writer: SinkSpanExporter }> {
  const writer = new SinkSpanExporter({
    ledger,
    delivery: { maxDelayMs: 0 },
    sinks: {
      webhook: {
        async sendAudits(events) {
          if (events.some(({ type }) => type === 'token'))
            throw new SinkError('event', 'no tokens');
        },
      },
    },
  });
  const events = Array.from({ length: 10 }, (_, n) =>
    createEvent({
      type: n % 3 === 0 ? 'token' : 'flag',
      action: 'created',
      payload: { n, big: 'x'.repeat(n) },
    }),
  );
  await writer.sendAudits(events);
  await writer.forceFlush().catch(() => {}); // says that there are dead letters
  return { ids: events.map(({ id }) => id), writer };
}

async function otelAudit(...args: string[]) {
  const out: string[] = [];
  const notes: string[] = [];
  const code = await run(args, {
    terminal: {
      out: (line) => void out.push(line),
      verbatim: (text) => void out.push(text),
      note: (line) => void notes.push(line),
      progress: () => {},
      isInteractive: false,
      isClosed: false,
      failure: undefined,
      width: 80,
      paint: (_, text) => text,
      drained: async () => {},
    },
    env: {},
    version: '0',
    now: Date.now,
    interruption: () => new AbortController().signal,
    ask: async () => answer,
  });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}

let answer: string | undefined;
beforeEach(() => {
  answer = undefined;
});

describe('otel-audit replay', () => {
  it('sends dead letters again beside a running writer, with their ids, and once only', async () => {
    const { ids, writer } = await fill();
    const dead = [0, 3, 6, 9].map((n) => ids[n]);
    const dryRun = await otelAudit(
      'replay',
      ledger,
      'webhook',
      '--config',
      config,
      '--dead',
      '--dry-run',
    );
    expect(dryRun).toMatchObject({ code: 0, out: expect.stringContaining('4 dead letter(s)') });
    expect(posted).toEqual([]);
    const sent = await otelAudit(
      'replay',
      ledger,
      'webhook',
      '--config',
      config,
      '--dead',
      '--yes',
    );
    expect(sent).toMatchObject({ code: 0, out: expect.stringContaining('4 stored') });
    expect(posted.map(({ id }) => id)).toEqual(dead);
    expect(JSON.parse(posted[3]!.body)).toMatchObject({ payload: { n: 9, big: 'x'.repeat(9) } });
    const again = await otelAudit(
      'replay',
      ledger,
      'webhook',
      '--config',
      config,
      '--dead',
      '--yes',
    );
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('0 dead letter(s)') });
    expect(posted).toHaveLength(4);
    expect((await otelAudit('dead', ledger, 'webhook')).notes).toContain('no dead letters');
    expect((await otelAudit('dead', ledger, '--all')).notes).toContain('4 dead letter(s)');
    expect((await otelAudit('verify', ledger)).code).toBe(0);
    await writer.shutdown();
  });

  it('says what is refused again and does not count it as stored', async () => {
    const { ids, writer } = await fill();
    await writer.shutdown();
    refuses = '"n":3';
    const sent = await otelAudit(
      'replay',
      ledger,
      'webhook',
      '--config',
      config,
      '--dead',
      '--yes',
    );
    expect(sent.code).toBe(1);
    expect(sent.out).toContain('3 stored, 1 refused again');
    expect(sent.out).toContain(ids[3]);
    refuses = undefined;
    const again = await otelAudit(
      'replay',
      ledger,
      'webhook',
      '--config',
      config,
      '--dead',
      '--yes',
    );
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('1 stored') });
  });

  it('sends a range of records, asked before', async () => {
    const { ids, writer } = await fill();
    await writer.shutdown();
    const range = ['replay', ledger, 'webhook', '--config', config, '--from', '2', '--to', '5'];
    answer = 'n';
    expect((await otelAudit(...range)).code).toBe(2);
    expect(posted).toEqual([]);
    answer = 'y';
    expect((await otelAudit(...range)).code).toBe(0);
    expect(posted.map(({ id }) => id)).toEqual(ids.slice(1, 5));
  });

  it.each([
    [['--dead', '--from', '1'], 'two ways to choose'],
    [[], 'what is to be sent?'],
    [['--from', '5', '--to', '2'], '--from 5 is past --to 2'],
    [['--from', '0', '--to', '2'], 'a whole number from 1 on'],
  ])('%j is refused', async (args, fault) => {
    const { writer } = await fill();
    await writer.shutdown();
    const result = await otelAudit('replay', ledger, 'webhook', '--config', config, ...args);
    expect(result).toMatchObject({ code: 2, notes: expect.stringContaining(fault) });
  });

  it('names the sinks that there are, and asks for the configuration', async () => {
    const { writer } = await fill();
    await writer.shutdown();
    const wrong = await otelAudit('replay', ledger, 'siem', '--config', config, '--dead');
    expect(wrong).toMatchObject({ code: 2, notes: expect.stringContaining('it has webhook') });
    const none = await otelAudit('replay', ledger, 'siem', '--dead');
    expect(none).toMatchObject({ code: 2, notes: expect.stringContaining('--config FILE') });
  });
});
