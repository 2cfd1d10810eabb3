import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { verifyChain } from '../support/verify-chain.js';

// The example as `npm run demo:rules` starts it; Jest runs in the package's root, and the build is there
// already.
const root = process.cwd();
const require = createRequire(join(root, 'package.json'));
const tsx = join(dirname(require.resolve('tsx/package.json')), 'dist/cli.mjs');
const example = join(root, 'examples/auto-instrumentation');
const folder = mkdtempSync(join(tmpdir(), 'otel-audit-rules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('an application under auto-instrumentation', () => {
  it('gets an audit trail from rules alone', () => {
    const [file, ledger] = [join(folder, 'audit.jsonl'), join(folder, 'audit')];
    const demo = ['--tsconfig', 'examples/tsconfig.json', join(example, 'demo.ts')];
    const { status, stdout, stderr } = spawnSync(process.execPath, [tsx, ...demo], {
      env: { ...process.env, AUDIT_FILE: file, AUDIT_LEDGER: ledger, PORT: '0' },
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });

    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const ip = '127.0.0.1'; // of the connection; one client says that it is elsewhere
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { action: 'created', status: 'success', metadata: { actor: { name: 'ada', ip } } },
      { action: 'created', status: 'failed', payload: { httpStatus: 409 } },
      { action: 'updated', status: 'success', metadata: { actor: { name: 'ada', ip } } },
      { action: 'updated', status: 'success', payload: { key: 'new-checkout/' } },
      { action: 'deleted', status: 'denied', metadata: { actor: { name: 'bob', ip } } },
      { action: 'deleted', status: 'denied', metadata: { actor: { ip } } },
      { action: 'deleted', status: 'success', payload: { key: 'new-checkout' } },
    ]);
    expect(lines.join()).not.toMatch(/203\.0\.113\.9|secret/);
    for (const line of lines) expect(stdout).toContain(line);
    const chain = verifyChain(ledger);
    expect(chain).toHaveLength(7);
    expect((chain[2] as { trace?: { traceId: string } }).trace).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      traceFlags: 0,
    });
  });

  it('was never written for it', () => {
    const app = readFileSync(join(example, 'app.cjs'), 'utf8');
    expect(app).not.toMatch(/otel|opentelemetry|addEvent|withAudit/i);
    expect([...app.matchAll(/require\('(.+?)'\)/g)].map((match) => match[1])).toEqual(['express']);
  });
});
