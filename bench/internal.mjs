import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A module of the sources that the package does not export, for what is measured alone. */
export async function internal(source) {
  // Beside the packages that it imports.
  const outfile = join(root, 'node_modules/.cache/otel-audit-bench', source.replace(/ts$/, 'mjs'));
  mkdirSync(dirname(outfile), { recursive: true });
  await build({
    entryPoints: [join(root, 'src', source)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    tsconfig: join(root, 'tsconfig.json'),
  });
  return import(pathToFileURL(outfile).href);
}
