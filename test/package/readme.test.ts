import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { transformSync } from 'esbuild';
import { type CodeBlock, codeBlocks } from './markdown.js';
import { installed, Project, pack, root, run } from './packed.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = codeBlocks(readme, 'ts');

// Everything that we have installed, since an example may use any of it.
const project = new Project(
  Object.fromEntries(
    readdirSync(join(root, 'node_modules'))
      .filter((name) => !name.startsWith('.') && name !== 'otel-audit')
      .map((name) => [name, installed(name)]),
  ),
);
afterAll(() => project.remove());

describe('README.md', () => {
  it('has code', () => {
    expect(blocks.length).toBeGreaterThan(0);
  });

  it('has only code that compiles, each block on its own', () => {
    const files = blocks.map(({ line }) => `line-${line}.ts`);
    project.write(Object.fromEntries(blocks.map(({ text }, n) => [files[n]!, text])));
    project.write({
      'package.json': '{"type":"module"}',
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          target: 'es2023',
          module: 'nodenext',
          moduleDetection: 'force',
          types: ['node'],
          strict: true,
          noEmit: true,
        },
        files,
      }),
    });
    const tsc = join(installed('typescript'), 'bin/tsc');
    expect(run(process.execPath, [tsc, '-p', '.'], { cwd: project.folder }).stdout).toBe('');
  });

  it('links to no file that the package does not hold', () => {
    const targets = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1]!);
    expect(targets).toContain('CHANGELOG.md');
    const { files } = pack();
    expect(targets.filter((target) => !files.includes(target))).toEqual([]);
  });

  it('has a quickstart that runs to its end by itself and leaves audit.jsonl', () => {
    const quickstart = firstBlockUnder('## Quickstart');
    const { code } = transformSync(quickstart.text, { loader: 'ts', format: 'esm' });
    project.write({ 'quickstart.mjs': code });
    project.node('quickstart.mjs');
    const lines = readFileSync(join(project.folder, 'audit.jsonl'), 'utf8').trimEnd().split('\n');
    for (const line of lines) {
      expect(JSON.parse(line)).toMatchObject({ version: '0.2', type: expect.any(String) });
    }
  });
});

function firstBlockUnder(heading: string): CodeBlock {
  const lines = readme.split('\n');
  const from = lines.indexOf(heading);
  const length = lines.slice(from + 1).findIndex((line) => line.startsWith('## '));
  const to = length < 0 ? lines.length : from + 1 + length;
  const block = blocks.find(({ line }) => from >= 0 && line > from && line <= to);
  if (block === undefined) throw new Error(`README.md has no ts block under ${heading}`);
  return block;
}
