import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { verifyChain } from '../support/verify-chain.js';

// The example as `npm run demo:grpc` starts it; Jest runs in the package's root, and the build is there
// already.
const root = process.cwd();
const require = createRequire(join(root, 'package.json'));
const tsx = join(dirname(require.resolve('tsx/package.json')), 'dist/cli.mjs');
const folder = mkdtempSync(join(tmpdir(), 'otel-audit-grpc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the gRPC example', () => {
  it('drives its service and prints the audit trail', () => {
    const [file, ledger] = [join(folder, 'audit.jsonl'), join(folder, 'audit')];
    const demo = ['--tsconfig', 'examples/tsconfig.json', 'examples/grpc/demo.ts'];
    const { status, stdout, stderr } = spawnSync(process.execPath, [tsx, ...demo], {
      cwd: root,
      env: { ...process.env, AUDIT_FILE: file, AUDIT_LEDGER: ledger },
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });

    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const [ip, payload] = ['127.0.0.1', { key: 'new-checkout', name: 'New checkout' }];
    const ada = { actor: { authentication: 'token', name: 'ada', ip } };
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { type: 'flag', action: 'created', status: 'success', metadata: ada, payload },
      { action: 'deleted', status: 'denied', metadata: { actor: { name: 'bob' } }, payload: null },
      { action: 'deleted', status: 'success', metadata: ada, payload },
      { action: 'imported', status: 'success', metadata: ada, payload: { received: 3 } },
      { action: 'exported', metadata: { actor: { authentication: 'none', ip } } },
    ]);
    for (const line of lines) expect(stdout).toContain(line);
    const chain = verifyChain(ledger) as { trace?: { traceId: string } }[];
    // Who is refused before the handler has no span, but the caller's trace.
    expect(chain.map(({ trace }) => trace?.traceId)).toEqual(Array(5).fill(expect.any(String)));
  });
});
