import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

// Jest runs in the package's root.
const root = process.cwd();

/** A program that scripts/go-program.mjs has built, or undefined where there is none. */
export function findGoProgram(name: string, folder: string): string | undefined {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) {
    hash.update(readFileSync(join(root, folder, file)));
  }
  const binary = `${name}-${hash.digest('hex').slice(0, 16)}`;
  const path = join(root, 'node_modules/.cache/otel-audit', binary);
  return existsSync(path) ? path : undefined;
}
