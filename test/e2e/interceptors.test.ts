import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';

// As `npm run demo:…` starts them; Jest runs in the package's root, and the build is there already.
const root = process.cwd();
const require = createRequire(join(root, 'package.json'));
const tsx = join(dirname(require.resolve('tsx/package.json')), 'dist/cli.mjs');

async function run(example: string): Promise<string> {
  const args = [tsx, '--tsconfig', 'examples/tsconfig.json', `examples/${example}/main.ts`];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'close');
  const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect([(await exit)[0], complaints]).toEqual([0, '']);
  return output;
}

it('the Fastify demo is audited by its plugin alone', async () => {
  const output = await run('fastify');
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  const brief = lines.map((line) => {
    const { type, action, status, metadata, payload } = JSON.parse(line);
    return [`${type}:${action} ${status}`, metadata.actor, payload];
  });
  const ada = { authentication: 'token', ip: '203.0.113.7', name: 'Ada' };
  expect(brief).toEqual([
    ['flag:created success', ada, { key: 'new-checkout' }],
    ['flag:updated success', ada, { key: 'new-checkout', enabled: true }],
    ['flag:deleted denied', { ...ada, name: 'Vic' }, null],
    ['flag:deleted denied', { authentication: 'none', ip: '203.0.113.7' }, null],
    ['flag:deleted success', ada, { key: 'new-checkout' }],
  ]);
  expect(output).toMatch(/requests made {5}7\nevents delivered {2}5\n$/);
});

it('the payments demo pays nothing that is not in the ledger', async () => {
  const full = `the disk is full
  answered   201: 0, 401: 0, 503: 3
  paid       0 of 3
  recorded   nothing
`;
  expect(await run('payments')).toBe(`the ledger is well
  answered   201: 2, 401: 1, 503: 0
  paid       2 of 3
  recorded   2 ordered success, 2 made success, 1 made denied
${process.platform === 'win32' ? '' : full}the ledger belongs to somebody else
  answered   201: 1, 401: 0, 503: 1
  paid       1 of 2
  recorded   1 ordered success, 1 made success
nothing was paid that is not in the ledger
`);
});
