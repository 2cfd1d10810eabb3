import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { packagesOf, readSources } from './imports.js';
import { manifest, pack, root, run } from './packed.js';

const packed = pack();
const MAX_BYTES = 150_000;

describe('the packed package', () => {
  it('holds the target of every export', () => {
    const targets = targetsOf(manifest.exports);
    expect(targets).toContain('dist/esm/index.js');
    expect(targets.filter((target) => !packed.files.includes(target))).toEqual([]);
  });

  it('has a line in typesVersions for each subpath, for TypeScript that does not read exports', () => {
    const subpaths = Object.keys(manifest.exports).filter((path) =>
      /^\.\/(?!.*\.json$)/.test(path),
    );
    const types = manifest.typesVersions['*'];
    expect(Object.keys(types).map((path) => `./${path}`)).toEqual(subpaths);
    expect(targetsOf(types).filter((target) => !packed.files.includes(target))).toEqual([]);
  });

  it('holds what the exports reach and nothing else of dist', () => {
    const reached = reachedFrom([...targetsOf(manifest.exports), ...targetsOf(manifest.bin)]);
    const dist = packed.files.filter((file) => CODE.test(file));
    expect(dist.filter((file) => !reached.has(file))).toEqual([]);
  });

  it('says each folder’s module type, in ESM and in CommonJS alike', () => {
    const listOf = (format: string) =>
      packed.files.flatMap((file) => (file.startsWith(`dist/${format}/`) ? [file.slice(9)] : []));
    expect(listOf('esm')).toContain('package.json');
    // The command is run, not imported: it, and what it alone needs, is ESM alone.
    const commands = reachedFrom(targetsOf(manifest.bin));
    const alone = listOf('esm').filter((file) => !listOf('cjs').includes(file));
    expect(alone.filter((file) => !commands.has(`dist/esm/${file}`))).toEqual([]);
    expect(listOf('cjs').filter((file) => !listOf('esm').includes(file))).toEqual([]);
  });

  it('holds no sources, tests, benches or examples', () => {
    const allowed =
      /^(dist\/|schemas\/|config\.schema\.json$|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/;
    expect(packed.files.filter((file) => !allowed.test(file))).toEqual([]);
  });

  it(`weighs less than ${MAX_BYTES / 1000} kB, the sinks that one adds left out`, () => {
    const weights = JSON.parse(run(process.execPath, ['scripts/weigh.mjs'], { cwd: root }).stdout);
    expect(weights.core).toBeLessThan(MAX_BYTES);
  });
});

describe('the sources', () => {
  it('import no package that is neither a dependency nor a peer', () => {
    const allowed = new Set(
      Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
    );
    const strangers = Object.entries(readSources(join(root, 'src'))).flatMap(([file, text]) =>
      packagesOf(text).flatMap((name) => (allowed.has(name) ? [] : [`${file}: ${name}`])),
    );
    expect(strangers).toEqual([]);
  });
});

/** The files that an `exports` entry leads to, whatever its conditions. */
function targetsOf(entry: unknown): string[] {
  if (typeof entry === 'string') return [entry.replace(/^\.\//, '')];
  return Object.values(entry as Record<string, unknown>).flatMap(targetsOf);
}

const CODE = /\.([mc]?js|d\.ts)$/;

/** Follows relative imports: declarations lead to declarations, code to code. */
function reachedFrom(entries: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const waiting = [...entries];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file) || !CODE.test(file)) continue;
    reached.add(file);
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from|import|require)\s*\(?\s*['"](\..+?)['"]/g)) {
      const target = join(file, '..', specifier!);
      waiting.push(file.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target);
    }
  }
  return reached;
}
