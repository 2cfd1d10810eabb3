import { execFile, spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AuditError } from '../../src/errors.js';
import { createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import { type SendContext, SinkError } from '../../src/sink.js';
import { type LogSinkOptions, logSink } from '../../src/sinks/log.js';
import { sinkSuite } from '../../src/testing/sink-suite.js';

const live: SendContext = { signal: new AbortController().signal, attempt: 1 };
const event = (key: string) =>
  createEvent({
    type: 'flag',
    action: 'created',
    payload: { key },
    timestamp: '2026-01-31T12:00:00Z',
    id: key,
  });
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const keysOf = (path: string): string[] =>
  linesOf(path).map((line) => JSON.parse(line).payload.key as string);

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-sink-'));
  file = join(folder, 'audit.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

sinkSuite('logSink on a file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'log-sink-suite-'));
  const path = join(directory, 'audit.jsonl');
  return {
    sink: logSink({ file: path }),
    stored: async () => (existsSync(path) ? linesOf(path) : []),
    breakFarSide: async () => {
      rmSync(path, { force: true });
      mkdirSync(path);
    },
    mendFarSide: async () => rmSync(path, { recursive: true }),
    dispose: async () => rmSync(directory, { recursive: true, force: true }),
  };
});

describe('a log file', () => {
  it('is made with its folders, for its owner alone', async () => {
    const path = join(folder, 'a', 'b', 'audit.jsonl');
    const sink = logSink({ file: path });
    expect(readdirSync(folder)).toEqual([]);
    await sink.sendAudits([event('x')], live);
    await sink.close?.();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const made of [join(folder, 'a'), join(folder, 'a', 'b')]) {
      expect(statSync(made).mode & 0o777).toBe(0o700);
    }
  });

  it('is appended to, never truncated', async () => {
    for (const key of ['a', 'b', 'c']) {
      const sink = logSink({ file });
      await sink.sendAudits([event(key)], live);
      await sink.close?.();
    }
    expect(keysOf(file)).toEqual(['a', 'b', 'c']);
  });

  it('has half a last line ended before the next begins', async () => {
    writeFileSync(file, '{"whole":1}\n{"version":"0.2","ty');
    const sink = logSink({ file });
    await sink.sendAudits([event('a')], live);
    await sink.sendAudits([event('b')], live);
    await sink.close?.();
    expect(linesOf(file)).toEqual([
      '{"whole":1}',
      '{"version":"0.2","ty',
      eventToJson(event('a')),
      eventToJson(event('b')),
    ]);
  });

  it('is opened anew when it was renamed or deleted', async () => {
    const sink = logSink({ file });
    await sink.sendAudits([event('a')], live);
    renameSync(file, `${file}.1`);
    await sink.sendAudits([event('b')], live);
    unlinkSync(file);
    await sink.sendAudits([event('c')], live);
    await sink.close?.();
    expect(keysOf(`${file}.1`)).toEqual(['a']);
    expect(keysOf(file)).toEqual(['c']);
  });

  it('is opened anew when another file was put in its place', async () => {
    const sink = logSink({ file });
    await sink.sendAudits([event('a')], live);
    renameSync(file, `${file}.1`);
    writeFileSync(file, '');
    await sink.sendAudits([event('b')], live);
    await sink.close?.();
    expect(keysOf(`${file}.1`)).toEqual(['a']);
    expect(keysOf(file)).toEqual(['b']);
  });

  it('is opened anew when asked to', async () => {
    const sink = logSink({ file });
    await sink.sendAudits([event('a')], live);
    appendFileSync(file, 'half a li'); // seen only by opening the file again
    sink.reopen();
    await sink.sendAudits([event('b')], live);
    await sink.close?.();
    expect(linesOf(file)[1]).toBe('half a li');
    expect(linesOf(file)).toHaveLength(3);
  });

  it('is opened anew at SIGHUP when that was asked for', async () => {
    const before = process.listenerCount('SIGHUP');
    const quiet = logSink({ file: join(folder, 'quiet.jsonl') });
    expect(process.listenerCount('SIGHUP')).toBe(before);
    const sink = logSink({ file, reopenOnSighup: true });
    expect(process.listenerCount('SIGHUP')).toBe(before + 1);
    await sink.sendAudits([event('a')], live);
    appendFileSync(file, 'half a li');
    process.emit('SIGHUP', 'SIGHUP');
    await sink.sendAudits([event('b')], live);
    expect(linesOf(file)[1]).toBe('half a li');
    await sink.close?.();
    await quiet.close?.();
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });

  it('that cannot be written rejects the batch with path and reason', async () => {
    mkdirSync(file);
    const error = await logSink({ file })
      .sendAudits([event('a')], live)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SinkError);
    expect(error).toMatchObject({ fault: 'sink' });
    expect((error as Error).message).toContain(file);
    expect((error as Error).message).toContain('EISDIR');
  });

  it('on a full disk rejects the batch with the reason, to be tried again', async () => {
    if (!existsSync('/dev/full')) return;
    const sink = logSink({ file: '/dev/full' });
    await expect(sink.sendAudits([event('a')], live)).rejects.toMatchObject({
      fault: 'transient',
      message: expect.stringContaining('ENOSPC'),
    });
    await sink.close?.();
  });

  it('takes an event of 5 MB as one line', async () => {
    const large = createEvent({ type: 'flag', action: 'created', payload: '\n'.repeat(2_500_000) });
    const sink = logSink({ file });
    await sink.sendAudits([event('a'), large, event('b')], live);
    await sink.close?.();
    expect(linesOf(file).map((line) => line.length > 5_000_000)).toEqual([false, true, false]);
    expect(linesOf(file)[1] === eventToJson(large)).toBe(true);
  });

  it('keeps batches whole and in order, whoever sends at the same time', async () => {
    const sink = logSink({ file });
    const keys = Array.from({ length: 200 }, (_, n) => `k${n}`);
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        sink.sendAudits(keys.slice(n * 10, n * 10 + 10).map(event), live),
      ),
    );
    await sink.close?.();
    expect(keysOf(file)).toEqual(keys);
  });

  it('has id and trace too when its fields are full', async () => {
    const sink = logSink({ file, fields: 'full' });
    const one = event('a');
    await sink.sendAudits([one], live);
    await sink.close?.();
    expect(linesOf(file)).toEqual([eventToJson(one, { fields: 'full' })]);
  });

  it('in console encoding has time and AUDIT before the event', async () => {
    const sink = logSink({ file, encoding: 'console' });
    const one = event('a');
    await sink.sendAudits([one], live);
    await sink.close?.();
    const [time, level, json] = linesOf(file)[0]!.split('\t');
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect([level, json]).toEqual(['AUDIT', eventToJson(one)]);
  });

  it('gets nothing of a batch that holds an event which JSON cannot carry', async () => {
    const sink = logSink({ file });
    await expect(
      sink.sendAudits([event('a'), { ...event('b'), payload: 1n }], live),
    ).rejects.toMatchObject({ fault: 'event', message: 'event 1 cannot be written as JSON' });
    await sink.close?.();
    expect(existsSync(file)).toBe(false);
  });
});

describe('the options of a log sink', () => {
  it.each([
    [{ file: '' }, 'logSink.file'],
    [{ file: 5 }, 'logSink.file'],
    [{ file: 'a\0b' }, 'logSink.file'],
    [{ encoding: 'xml' }, 'logSink.encoding'],
    [{ encoding: '' }, 'logSink.encoding'],
    [{ fields: 'all' }, 'logSink.fields'],
    [{ path: 'audit.jsonl' }, 'logSink has no option "path"'],
    ['audit.jsonl', 'logSink has no option'],
  ])('%j is refused by name', (options, name) => {
    const make = () => logSink(options as LogSinkOptions);
    expect(make).toThrow(AuditError);
    expect(make).toThrow(name);
  });
});

describe('a log sink on stdout', () => {
  const script = `
    import { createEvent } from './src/event/event.ts';
    import { logSink } from './src/sinks/log.ts';
    const event = createEvent({ type: 'flag', action: 'created', timestamp: '2026-01-31T12:00:00Z' });
    const live = { signal: new AbortController().signal, attempt: 1 };
    const sink = logSink(JSON.parse(process.env.OPTIONS));
  `;
  const args = (body: string) => [
    '--import',
    'tsx',
    '--input-type=module',
    '--eval',
    script + body,
  ];
  const JSON_TEXT =
    '{"version":"0.2","type":"flag","action":"created","metadata":{},"payload":null,"timestamp":"2026-01-31T12:00:00.000Z","status":"success"}';
  const send = 'await sink.sendAudits([event, event], live); await sink.close();';
  const printed = async (options: LogSinkOptions) => {
    const env = { ...process.env, OPTIONS: JSON.stringify(options) };
    const { stdout } = await promisify(execFile)(process.execPath, args(send), { env });
    return stdout;
  };

  it('prints JSON with time and AUDIT in front', async () => {
    const lines = (await printed({})).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[2]).toBe('');
    expect(lines[0]).toMatch(/^\{"T":"\d{4}-\d\d-\d\dT[\d:.]+Z","M":"AUDIT","version":/);
    expect(lines[0]!.replace(/"T":"[^"]+","M":"AUDIT",/, '')).toBe(JSON_TEXT);
  });

  it('prints time, AUDIT and the event in console encoding', async () => {
    const lines = (await printed({ encoding: 'console' })).split('\n');
    expect(lines[1]!.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z/, 'T')).toBe(`T\tAUDIT\t${JSON_TEXT}`);
  });

  it('prints whole lines into a file that stdout is redirected to', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'otel-audit-stdout-')), 'out');
    const fd = openSync(path, 'w');
    const env = { ...process.env, OPTIONS: '{"encoding":"console"}' };
    const child = spawn(process.execPath, args(send), { env, stdio: ['ignore', fd, 'inherit'] });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    closeSync(fd);
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines.slice(0, 2)) expect(line.split('\t')[2]).toBe(JSON_TEXT);
  });

  it('rejects when nobody reads any more', async () => {
    const body = `
      await new Promise((go) => process.stdin.once('data', go));
      const fault = await sink.sendAudits([event], live).then(() => 'stored', (e) => e.fault + ' ' + e.message);
      process.stderr.write(fault);
      process.stdin.destroy();
    `;
    const env = { ...process.env, OPTIONS: '{}' };
    const child = spawn(process.execPath, args(body), { env });
    let told = '';
    child.stderr.on('data', (chunk) => {
      told += chunk;
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdout.once('close', () => child.stdin.write('go\n'));
    child.stdout.destroy();
    expect(await ended).toBe(0); // the stream's error event must not end the process
    expect(told).toContain('sink stdout: ');
    expect(told).toContain('EPIPE');
  });
});
