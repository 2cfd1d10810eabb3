import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { verifyChain } from '../support/verify-chain.js';

// The demo as `npm run demo` starts it; Jest runs in the package's root, and the build is there already.
const root = process.cwd();
const require = createRequire(join(root, 'package.json'));
const tsx = join(dirname(require.resolve('tsx/package.json')), 'dist/cli.mjs');
const MEMBERS = ['version', 'type', 'action', 'metadata', 'payload', 'timestamp', 'status'];
const CHOOSE = 'choose a port with PORT=3001, for example, or any free one with PORT=0';
const TIMEOUT_MS = 60_000;

let folder: string;
let file: string;
let ledger: string;
let port: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otel-audit-demo-'));
  file = join(folder, 'audit.jsonl');
  ledger = join(folder, 'audit');
  port = '0';
});

afterEach(async () => {
  if (child?.exitCode === null) child.kill('SIGKILL');
  child = undefined;
  await rm(folder, { recursive: true, force: true });
});

function startDemo(...flags: string[]) {
  const demo = ['--tsconfig', 'examples/tsconfig.json', 'examples/express/demo.ts', ...flags];
  const started = spawn(process.execPath, [tsx, ...demo], {
    cwd: root,
    env: { ...process.env, AUDIT_FILE: file, AUDIT_LEDGER: ledger, PORT: port },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  return { started, exit: once(started, 'close'), stderr: text(started.stderr) };
}

/** Of the ledger. */
async function lastLine(): Promise<string> {
  const text = await readFile(join(ledger, '00000000000000000001.jsonl'), 'utf8');
  return text.trimEnd().split('\n').at(-1)!;
}

async function readLines(): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  expect(lines.pop()).toBe(''); // the last line is whole
  return lines;
}

describe('the Express demo', () => {
  it(
    'drives the service, shows each line and leaves them in the file',
    async () => {
      const demo = startDemo();
      const output = await text(demo.started.stdout);
      expect({ exit: (await demo.exit)[0], stderr: await demo.stderr }).toEqual({
        exit: 0,
        stderr: '',
      });

      const lines = await readLines();
      const events = lines.map((line) => JSON.parse(line));
      expect(events.map(({ type, action, status }) => `${type}:${action} ${status}`)).toEqual([
        'flag:created success',
        'flag:updated success',
        'flag:deleted success',
        'segment:created success',
        'segment:updated success',
        'segment:deleted success',
        'flag:created denied',
        'segment:deleted denied',
      ]);
      for (const event of events) expect(Object.keys(event)).toEqual(MEMBERS);
      expect(lines[0]).toMatch(
        /^\{"version":"0\.2","type":"flag","action":"created","metadata":\{"actor":\{"authentication":"token","ip":"127\.0\.0\.1","name":"Ada"\}\},"payload":\{"key":"new-checkout","name":"new-checkout","enabled":false\},"timestamp":"[^"]+Z","status":"success"\}$/,
      );
      expect(events[6].metadata).toEqual({
        actor: { authentication: 'none', ip: '127.0.0.1' },
      });
      expect(events[6].payload).toBeNull();

      expect(output.split('\n').filter((line) => line.startsWith('{'))).toEqual(lines);
      const chain = verifyChain(ledger);
      expect(chain.map(({ event }) => event)).toEqual(events);
      const hash = createHash('sha256')
        .update(await lastLine())
        .digest('hex');
      expect(output).toContain(`
requests made     10
events recorded   8
receipts          8, the last for record 8 with hash ${hash}
ledger            ${ledger} (8 records)
events delivered  8
file written      ${file} (8 lines)
`);
      if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
    },
    TIMEOUT_MS,
  );

  it(
    'appends on a second run, and tells its own lines from those that were there',
    async () => {
      for (const [count, lines, records] of [
        [8, '(8 lines)', '(8 records)'],
        [16, '(16 lines, 8 from this run)', '(16 records, 8 from this run)'],
      ] as const) {
        const demo = startDemo();
        const output = await text(demo.started.stdout);
        expect(output).toContain(`file written      ${file} ${lines}\n`);
        expect(output).toContain(`ledger            ${ledger} ${records}\n`);
        expect((await demo.exit)[0]).toBe(0);
        expect(await readLines()).toHaveLength(count);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'exits with a fault when the file cannot be written; the next run delivers what the ledger kept',
    async () => {
      file = folder; // not a file
      const demo = startDemo();
      const output = await text(demo.started.stdout);
      expect(output).toContain('events recorded   8\nreceipts          8');
      expect(output).toContain('events delivered  0');
      expect((await demo.exit)[0]).toBe(1);
      const stderr = await demo.stderr;
      expect(stderr).toContain('audit: file: ');
      expect(stderr).toContain('the numbers do not match: 8 events were expected');
      file = join(folder, 'audit.jsonl');
      const next = startDemo();
      expect(await text(next.started.stdout)).toContain(
        'events delivered  16, 8 of them from earlier runs',
      );
      expect((await next.exit)[0]).toBe(0);
      expect(await readLines()).toHaveLength(16);
    },
    TIMEOUT_MS,
  );
});

describe('the Express demo with --serve', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'answers requests and, on %s, flushes and stops',
    async (signal) => {
      const demo = startDemo('--serve');
      const output: string[] = [];
      const url = await new Promise<string>((resolve, reject) => {
        demo.started.once('close', () => reject(new Error('it stopped before it listened')));
        createInterface({ input: demo.started.stdout }).on('line', (line) => {
          output.push(line);
          const found = /^listening on (\S+),/.exec(line)?.[1];
          if (found !== undefined) resolve(found);
        });
      });

      const created = await fetch(`${url}/segments`, {
        method: 'POST',
        headers: { authorization: 'Bearer demo-editor', 'content-type': 'application/json' },
        body: '{"key":"beta-users","name":"Beta users"}',
      });
      expect([created.status, await created.json()]).toEqual([
        201,
        { key: 'beta-users', name: 'Beta users', enabled: false },
      ]);
      // A caller that asks not to be traced is audited all the same.
      const denied = await fetch(`${url}/segments/beta-users`, {
        method: 'DELETE',
        headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' },
      });
      expect([denied.status, await denied.json()]).toEqual([401, { error: 'unauthorized' }]);

      demo.started.kill(signal);
      expect((await demo.exit)[0]).toBe(0);
      expect(await demo.stderr).toBe('');
      expect(output.at(-1)).toBe('stopped');
      const events = (await readLines()).map((line) => JSON.parse(line));
      expect(events).toHaveLength(2);
      expect(events.map(({ action, status }) => `${action} ${status}`).sort()).toEqual([
        'created success',
        'deleted denied',
      ]);
    },
    TIMEOUT_MS,
  );

  it(
    'says in one line that the port is taken, and what to do',
    async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      port = String((other.address() as AddressInfo).port);
      const demo = startDemo('--serve');
      expect(await text(demo.started.stdout)).toBe('');
      expect(await demo.stderr).toBe(
        `cannot start: port ${port} is in use; stop what listens there, or ${CHOOSE}\n`,
      );
      expect((await demo.exit)[0]).toBe(1);
      other.close();
    },
    TIMEOUT_MS,
  );

  it.each(['65536', '-1', '80.5', 'http', '0x50'])(
    'refuses the port %s in one line',
    async (given) => {
      port = given;
      const demo = startDemo('--serve');
      expect(await demo.stderr).toBe(
        `cannot start: port ${given} is not a whole number from 0 to 65535; ${CHOOSE}\n`,
      );
      expect((await demo.exit)[0]).toBe(1);
    },
    TIMEOUT_MS,
  );
});
