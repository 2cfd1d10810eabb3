import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { filesIn, generate, PICTURES } from '../../scripts/cli-docs.js';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { root } from '../package/packed.js';

const files = filesIn(root);
const guide = readFileSync(files.guide, 'utf8');

describe('docs/cli.md', () => {
  it('shows what the command prints, in text and pictures (else run npm run docs:cli)', async () => {
    const generated = await generate(guide);
    expect(guide).toBe(generated.guide);
    for (const name of Object.keys(PICTURES)) {
      expect(readFileSync(files.picture(name), 'utf8')).toBe(generated.pictures[name]);
    }
  });

  it('tells of every command and leads to files that there are', () => {
    const headings = guide.split('\n').filter((line) => line.startsWith('## '));
    for (const { name } of COMMANDS) expect(headings.join('\n')).toContain(`\`${name}\``);
    const targets = [...guide.matchAll(/\]\(([^)#]+)/g)].map(([, target]) => target!);
    expect(targets.length).toBeGreaterThan(5);
    expect(targets.filter((target) => !existsSync(join(dirname(files.guide), target)))).toEqual([]);
  });
});
