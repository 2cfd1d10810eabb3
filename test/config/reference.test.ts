import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { filesIn, introOf, referenceText, schemaText } from '../../scripts/config-docs.js';
import { loadConfig } from '../../src/config/load.js';
import { leavesOf, outline } from '../../src/config/outline.js';
import { codeBlocks } from '../package/markdown.js';
import { root } from '../package/packed.js';

const files = filesIn(root);
const reference = readFileSync(files.reference, 'utf8');

describe('what is generated from the schema', () => {
  it('is up to date: config.schema.json (else run npm run docs:config)', () => {
    expect(readFileSync(files.schema, 'utf8')).toBe(schemaText());
  });

  it('is up to date: docs/configuration.md (else run npm run docs:config)', () => {
    expect(reference).toBe(referenceText(introOf(reference)));
  });
});

describe('docs/configuration.md', () => {
  it('has a line for every key', () => {
    const missing = leavesOf(outline()).filter(
      ({ keys }) =>
        !reference.includes(`\`${keys.at(-1)}\``) && !reference.includes(`\`${keys.join('.')}\``),
    );
    expect(missing).toEqual([]);
  });

  it('leads to headings that there are', () => {
    const anchors = [...reference.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(' ', '-')
        .replace(/[^\w-]/g, ''),
    );
    const targets = [...reference.matchAll(/\]\(#([^)]+)\)/g)].map(([, target]) => target!);
    expect(targets.length).toBeGreaterThan(10);
    expect(targets.filter((target) => !anchors.includes(target))).toEqual([]);
  });
});

describe('config.schema.json', () => {
  const schema = z.fromJSONSchema(JSON.parse(schemaText()));
  const guides = ['configuration', 'getting-started', 'migrating-from-flipt'];
  const examples = guides
    .map((name) => readFileSync(join(root, 'docs', `${name}.md`), 'utf8'))
    .flatMap((guide) => codeBlocks(guide, 'yaml'))
    .map(({ text }) => parse(text));

  it('accepts what the guides show, and so does the loader', () => {
    expect(examples.length).toBeGreaterThan(2);
    for (const example of examples) {
      expect(schema.safeParse(example).error).toBeUndefined();
      const text = JSON.stringify(example).replaceAll(/\$\{file:[^}]*\}/g, 's3cret');
      expect(loadConfig(JSON.parse(text), { env: {}, strict: false }).faults).toEqual([]);
    }
  });

  it.each<[string, object]>([
    ['an unknown key', { audit: { snks: {} } }],
    ['a word that there is not', { audit: { sinks: { log: { encoding: 'xml' } } } }],
    ['a wrong type', { audit: { delivery: { maxBatch: [] } } }],
    ['what is missing', { audit: { redact: { paths: ['a'] } } }],
  ])('refuses %s', (_, config) => {
    expect(schema.safeParse(config).success).toBe(false);
  });

  it('takes an expression wherever one may stand', () => {
    const config = {
      audit: {
        sinks: { log: { enabled: '${A}', file: '${B}', encoding: '${C}' } },
        delivery: { maxBatch: '${D}', timeoutMs: '${E}' },
      },
    };
    expect(schema.safeParse(config).error).toBeUndefined();
  });

  it('lets Flipt’s other sections be', () => {
    expect(schema.safeParse({ audit: {}, db: { url: 'x' }, log: { level: 'INFO' } }).success).toBe(
      true,
    );
  });
});
