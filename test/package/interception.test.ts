import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { codeBlocks } from './markdown.js';
import { installed, Project, root, run } from './packed.js';

const guide = readFileSync(join(root, 'docs/interception.md'), 'utf8');
const project = new Project({
  ...Object.fromEntries(
    readdirSync(join(root, 'node_modules'))
      .filter((name) => !name.startsWith('.') && name !== 'otel-audit')
      .map((name) => [name, installed(name)]),
  ),
  vitest: join(root, 'test/compat/vitest-4/node_modules/vitest'),
});
afterAll(() => project.remove());

describe('docs/interception.md', () => {
  it('has only code that compiles, each block on its own', () => {
    const blocks = codeBlocks(guide, 'ts');
    expect(blocks.length).toBeGreaterThan(5);
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
          skipLibCheck: true, // Vitest's own declarations need those of Vite
          noEmit: true,
        },
        files,
      }),
    });
    const tsc = join(installed('typescript'), 'bin/tsc');
    expect(run(process.execPath, [tsc, '-p', '.'], { cwd: project.folder }).stdout).toBe('');
  });

  it('links to headings and files that are there', () => {
    const headings = [...guide.matchAll(/^#+ (.+)$/gm)].map(([, text]) =>
      text!
        .toLowerCase()
        .replaceAll(' ', '-')
        .replace(/[^a-z-]/g, ''),
    );
    for (const [, target] of guide.matchAll(/\]\((?!https?:)(.+?)\)/g)) {
      if (target!.startsWith('#')) expect(headings).toContain(target!.slice(1));
      else expect(readFileSync(join(root, 'docs', target!), 'utf8')).not.toBe('');
    }
  });
});
