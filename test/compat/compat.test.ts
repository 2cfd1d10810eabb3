import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

// Each SDK runs in a process of its own: two of them, or two `@opentelemetry/api`, do not share one.
// Run from the root, where `npm test` has built the package and installed the SDKs.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const canRunUndici8 = major > 22 || (major === 22 && minor >= 19);
const canRunSdk3 = major > 22 || (major === 22 && minor >= 15);

describe('the built package works with', () => {
  for (const sdk of ['sdk-trace-base-1.30', 'sdk-trace-base-2.0', 'sdk-trace-base-2.12']) {
    it(sdk, () => check(sdk));
  }

  if (canRunSdk3) it('sdk-trace-3', () => check('sdk-trace-3'));
  else {
    it.skip(`sdk-trace-3 (demands Node 22.15, this is ${process.versions.node}; .ci/run has newer ones)`, () => {});
  }

  if (canRunUndici8) it('undici-8', () => check('undici-8', 'undici.mjs'));
  else {
    it.skip(`undici-8 (demands Node 22.19, this is ${process.versions.node}; .ci/run has newer ones)`, () => {});
  }
});

function check(what: string, program = 'run.mjs'): void {
  const script = join(process.cwd(), 'test/compat', program);
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, what], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`${what} works`);
}
