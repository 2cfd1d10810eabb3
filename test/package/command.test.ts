import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { makeDemoLedger } from '../cli/support/demo-ledger.js';
import { manifest, Project } from './packed.js';

// With nothing beside it but what the core needs: no zod, no yaml, no undici.
const project = new Project().write({ 'package.json': '{"type":"module"}' });
afterAll(() => project.remove());

const bin = join(project.folder, 'node_modules/otel-audit', manifest.bin['otel-audit']!);

function otelAudit(...args: string[]) {
  const [file, ...rest] = process.platform === 'win32' ? [process.execPath, bin] : [bin];
  const { status, stdout, stderr } = spawnSync(file!, [...rest, ...args], {
    cwd: project.folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the packed command', () => {
  it('runs by itself and knows its version', () => {
    expect(otelAudit('--version')).toEqual({
      status: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    });
  });

  it('reads ledgers without any optional package', async () => {
    await makeDemoLedger(join(project.folder, 'audit'));
    for (const args of [
      ['verify', 'audit'],
      ['tail', 'audit'],
      ['search', 'audit', '--status', 'denied'],
      ['show', 'audit', '17'],
      ['stats', 'audit'],
      ['dead', 'audit'],
      ['prove', 'audit', '17'],
      ['consistency', 'audit', '30'],
    ]) {
      const { status, stdout, stderr } = otelAudit(...args, '--json');
      expect({ args, status, stderr }).toEqual({ args, status: 0, stderr: '' });
      expect(stdout).toMatch(/^\{.*\}\n$/s);
    }
  });

  it('names the package that replay needs', () => {
    project.write({ 'audit.json': '{"audit":{"sinks":{"log":{"enabled":true}}}}' });
    const { status, stderr } = otelAudit(
      'replay',
      'audit',
      'log',
      '--config',
      'audit.json',
      '--dead',
    );
    expect(status).toBe(2);
    expect(stderr).toContain('npm install zod@4');
  });
});
