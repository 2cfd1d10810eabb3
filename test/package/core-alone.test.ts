import { afterAll, describe, expect, it } from '@jest/globals';
import { Project } from './packed.js';

// Prints what was loaded from node_modules: a loader's hook sees every module that ESM resolves, and
// require's cache every CommonJS one.
const HOOKS = `
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  if (resolved.url.includes('/node_modules/')) process._rawDebug(resolved.url);
  return resolved;
}`;

// A copy and no link: from the real path of a linked package its neighbours could still be found.
const project = new Project({}).copy('@opentelemetry/api').write({
  'hooks.mjs': HOOKS,
  'register.mjs':
    "import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);",
  'load.mjs': `
    import { createRequire } from 'node:module';
    const core = await import('otel-audit');
    console.log(typeof core.SinkSpanExporter, typeof core.createEvent);
    for (const file of Object.keys(createRequire(import.meta.url).cache)) console.error(file);`,
  'load.cjs': `
    const core = require('otel-audit');
    console.log(typeof core.SinkSpanExporter, typeof core.createEvent);
    for (const file of Object.keys(require.cache)) console.error(file);`,
});
afterAll(() => project.remove());

describe('with no package beside it but @opentelemetry/api, the core', () => {
  it('is imported, and touches no other package', () => {
    const { stdout, stderr } = project.node('--import', './register.mjs', 'load.mjs');
    expect(stdout).toBe('function function\n');
    expect(packagesIn(stderr)).toEqual(['@opentelemetry/api', 'otel-audit']);
  });

  it('is required, and touches no other package', () => {
    const { stdout, stderr } = project.node('load.cjs');
    expect(stdout).toBe('function function\n');
    expect(packagesIn(stderr)).toEqual(['@opentelemetry/api', 'otel-audit']);
  });
});

/** The packages that paths, one a line, lead into. */
function packagesIn(text: string): string[] {
  const names = [...text.matchAll(/\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/g)];
  return [...new Set(names.map((match) => match[1]!))].sort();
}
