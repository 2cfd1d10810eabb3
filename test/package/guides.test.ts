import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { transformSync } from 'esbuild';
import { codeBlocks } from './markdown.js';
import { installed, Project, root, run } from './packed.js';

const GUIDES = [
  'compliance',
  'configuration',
  'delivery',
  'getting-started',
  'kafka',
  'migrating-from-flipt',
  'operations',
  'privacy',
  'reference',
  'sdk-versions',
  'sinks',
  'writing-a-sink',
];
const guides = GUIDES.map((name) => ({
  name,
  text: readFileSync(join(root, 'docs', `${name}.md`), 'utf8'),
}));
const project = new Project(
  Object.fromEntries(
    readdirSync(join(root, 'node_modules'))
      .filter((name) => !name.startsWith('.') && name !== 'otel-audit')
      .map((name) => [name, installed(name)]),
  ),
);
afterAll(() => project.remove());

const blocksOf = (name: string, language: string) =>
  codeBlocks(guides.find((guide) => guide.name === name)!.text, language);

describe('the guides', () => {
  it('have only code that compiles, each block on its own', () => {
    const blocks = guides.flatMap(({ name, text }) =>
      codeBlocks(text, 'ts').map((block) => ({
        file: `${name}-${block.line}.ts`,
        text: block.text,
      })),
    );
    expect(blocks.length).toBeGreaterThanOrEqual(10);
    project.write(Object.fromEntries(blocks.map(({ file, text }) => [file, text])));
    project.write({
      'package.json': '{"type":"module"}',
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          target: 'es2023',
          module: 'nodenext',
          moduleDetection: 'force',
          types: ['node'],
          strict: true,
          exactOptionalPropertyTypes: true,
          noEmit: true,
        },
        files: blocks.map(({ file }) => file),
      }),
    });
    const tsc = join(installed('typescript'), 'bin/tsc');
    expect(run(process.execPath, [tsc, '-p', '.'], { cwd: project.folder }).stdout).toBe('');
  });

  it.each(guides)('link to headings and files that are there: $name', ({ text }) => {
    const anchorsOf = (markdown: string) =>
      [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
        heading!
          .toLowerCase()
          .replaceAll(' ', '-')
          .replace(/[^\w-]/g, ''),
      );
    for (const [, target] of text.matchAll(/\]\((?!https?:)(.+?)\)/g)) {
      const [file, anchor] = target!.split('#') as [string, string?];
      const there = file === '' ? text : readFileSync(join(root, 'docs', file), 'utf8');
      if (anchor !== undefined) expect(anchorsOf(there)).toContain(anchor);
    }
  });
});

describe('docs/getting-started.md', () => {
  it('leaves what it says, when it is followed', () => {
    const [config] = blocksOf('getting-started', 'yaml');
    const program = blocksOf('getting-started', 'ts')[1]!;
    const { code } = transformSync(program.text, { loader: 'ts', format: 'esm' });
    project.write({ 'audit.yaml': config!.text, 'refund.mjs': code });
    project.node('refund.mjs');
    const lines = (path: string) =>
      readFileSync(join(project.folder, path), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    const event = { type: 'invoice', action: 'refunded', payload: { invoice: '2026-117' } };
    expect(lines('audit.jsonl')).toEqual([expect.objectContaining(event)]);
    expect(lines('audit/00000000000000000001.jsonl')).toEqual([
      expect.objectContaining({ seq: 1, event: expect.objectContaining(event) }),
    ]);
  });
});
