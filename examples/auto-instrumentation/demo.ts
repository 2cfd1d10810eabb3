// npm run demo:rules      starts app.cjs under audit.cjs, drives it, prints the audit trail, checks it
// AUDIT_FILE names another file for the audit lines, AUDIT_LEDGER another folder for the ledger.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const file = process.env.AUDIT_FILE ?? here('audit.jsonl');

/** What a client asks for, and what becomes of it. */
const REQUESTS: readonly [string, string, Readonly<Record<string, string>>, string | undefined][] =
  [
    [
      'POST /flags',
      '{"key":"new-checkout"}',
      { 'x-auth-request-user': 'ada' },
      'created success ada',
    ],
    [
      'POST /flags',
      '{"key":"new-checkout"}',
      { 'x-auth-request-user': 'ada' },
      'created failed ada',
    ],
    ['GET /flags', '', { 'x-auth-request-user': 'bob' }, undefined],
    // A caller that asks not to be traced, and says it is somewhere else.
    [
      'PUT /flags/new-checkout?token=secret',
      '{"enabled":true}',
      {
        'x-auth-request-user': 'ada',
        'x-forwarded-for': '203.0.113.9',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
      },
      'updated success ada',
    ],
    // A path that Express takes for the same.
    [
      'PUT /FLAGS/new-checkout/',
      '{"enabled":false}',
      { 'x-auth-request-user': 'ada' },
      'updated success ada',
    ],
    ['PUT /flags/none', '{}', { 'x-auth-request-user': 'ada' }, undefined],
    ['DELETE /flags/new-checkout', '', { 'x-auth-request-user': 'bob' }, 'deleted denied bob'],
    ['DELETE /flags/new-checkout', '', {}, 'deleted denied nobody'],
    ['DELETE /flags/new-checkout', '', { 'x-auth-request-user': 'ada' }, 'deleted success ada'],
  ];

const app = spawn(process.execPath, ['--require', here('audit.cjs'), here('app.cjs')], {
  env: { PORT: '0', ...process.env },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const stopped = once(app, 'exit');
const before = linesOf().length;
const [line] = (await Promise.race([
  once(createInterface({ input: app.stdout }), 'line'),
  stopped.then(() => [undefined]),
])) as [string | undefined];
const url = /http:\S+/.exec(line ?? '')?.[0];
if (url === undefined) throw new Error('the application did not start');

for (const [request, body, headers] of REQUESTS) {
  const [method, path] = request.split(' ') as [string, string];
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== '' && { body }),
  });
  await response.text();
  console.log(`${response.status} ${request}`);
}
app.kill('SIGTERM');
await stopped;

const lines = linesOf().slice(before);
console.log(`\nits audit trail, in ${file}:\n${lines.join('\n')}`);
const seen = lines.map((text) => {
  const { action, status, metadata } = JSON.parse(text);
  return `${action} ${status} ${metadata.actor.name ?? 'nobody'}`;
});
const expected = REQUESTS.flatMap(([, , , outcome]) => outcome ?? []);
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.error(`expected was: ${expected.join(', ')}`);
  process.exitCode = 1;
}

function linesOf(): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}
