import { afterAll, describe, expect, it } from '@jest/globals';
import { installed, Project } from './packed.js';

const program = (paths: readonly string[]): string => `
const redact = { paths: ${JSON.stringify(paths)}, mode: 'mask' };
try {
  const exporter = new SinkSpanExporter({ sinks: {}, ledger: 'audit', redact });
  const event = createEvent({ type: 'flag', action: 'created', payload: { a: 'x', apiKey: 'y' } });
  exporter.sendAudits([event]).then(() => exporter.shutdown());
  console.log('made');
} catch (error) {
  console.log(error.code, error.message);
}`;
const NAMES = "import { createEvent, SinkSpanExporter } from 'otel-audit';";
const asModule = (paths: readonly string[]) => NAMES + program(paths);
const asCommonJs = (paths: readonly string[]) =>
  `const { createEvent, SinkSpanExporter } = require('otel-audit');${program(paths)}`;

// Copies, for from the real path of a linked package its neighbours could be found.
const bare = new Project({}).copy('@opentelemetry/api');
const full = new Project({ '@pinojs/redact': installed('@pinojs/redact') }).copy(
  '@opentelemetry/api',
);
afterAll(() => {
  bare.remove();
  full.remove();
});

describe.each([
  ['ESM', 'app.mjs', asModule],
  ['CommonJS', 'app.cjs', asCommonJs],
] as const)('redaction from %s', (_, file, as) => {
  it('needs no package for names', () => {
    bare.write({ [file]: as(['credentials', 'payload.a', '**.ssn']) });
    expect(bare.node(file).stdout).toBe('made\n');
  });

  it('says which package a path with a wildcard needs', () => {
    bare.write({ [file]: as(['payload.*']) });
    expect(bare.node(file).stdout).toBe(
      'invalid-option SinkSpanExporter: redact needs the package @pinojs/redact for paths with * or an index, which cannot be loaded: npm install @pinojs/redact@0.4\n',
    );
  });

  it('finds that package', () => {
    full.write({ [file]: as(['payload.*']) });
    expect(full.node(file).stdout).toBe('made\n');
  });
});
