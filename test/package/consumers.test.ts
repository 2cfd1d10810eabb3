import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';
import { installed, Project, run } from './packed.js';

const project = new Project({
  '@opentelemetry/api': installed('@opentelemetry/api'),
  '@opentelemetry/sdk-trace-base': installed('@opentelemetry/sdk-trace-base'),
});
afterAll(() => project.remove());

/** A service in a nutshell; prints the event JSON that its sink was sent. */
const APP = `
  const sink = recordingSink();
  const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
  const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  const span = provider.getTracer('app').startSpan('request');
  addEventToSpan(createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } }), span);
  span.end();
  const run = async () => {
    await provider.forceFlush();
    await provider.shutdown();
    return sink.events.map((event) => eventToJson(event)).join();
  };`;
const NAMES = '{ addEventToSpan, createEvent, eventToJson, SinkSpanExporter }';
const SDK_NAMES = '{ BasicTracerProvider, BatchSpanProcessor }';
const LINE = /^\{"version":"0\.2","type":"flag","action":"created",.*"payload":\{"key":"a"\},/;

const ESM = `
  import ${SDK_NAMES} from '@opentelemetry/sdk-trace-base';
  import ${NAMES} from 'otel-audit';
  import { recordingSink } from 'otel-audit/testing';
  import { logSink } from 'otel-audit/sinks/log';
  ${APP}`;
const CJS = `
  const ${SDK_NAMES} = require('@opentelemetry/sdk-trace-base');
  const ${NAMES} = require('otel-audit');
  const { recordingSink } = require('otel-audit/testing');
  const { logSink } = require('otel-audit/sinks/log');
  ${APP}`;

describe('the packed package works', () => {
  it('in an ESM project', () => {
    project.write({
      'esm/package.json': '{"type":"module"}',
      'esm/app.js': `${ESM}\nconsole.log(await run());`,
    });
    expect(project.node('esm/app.js').stdout).toMatch(LINE);
  });

  it('in a CommonJS project', () => {
    project.write({ 'cjs/app.js': `${CJS}\nrun().then(console.log);` });
    expect(project.node('cjs/app.js').stdout).toMatch(LINE);
  });

  it('in a plain CommonJS Jest project', () => {
    project.write({
      'jest/package.json': '{"jest":{"transform":{},"testEnvironment":"node"}}',
      'jest/app.test.js': `${CJS}
        const { AuditError } = require('otel-audit');
        const { sinkSuite } = require('otel-audit/testing');
        test('delivers', async () => expect(await run()).toMatch(${LINE}));
        test('raises errors', () => expect(() => createEvent({})).toThrow(AuditError));
        const create = async () => {
          const sink = recordingSink();
          return { sink, stored: async () => sink.events.map((event) => eventToJson(event)) };
        };
        sinkSuite('recordingSink', create, { without: ['breakFarSide'] });`,
    });
    const jest = join(installed('jest'), 'bin/jest.js');
    const rootDir = join(project.folder, 'jest');
    const { stderr } = run(process.execPath, [jest, '--rootDir', rootDir, '--no-cache', '--ci'], {
      cwd: rootDir,
    });
    expect(stderr).toMatch(/Tests: +1 skipped, \d+ passed, \d+ total/);
  });

  it('with node:test', () => {
    project.write({
      'suite.test.mjs': `
        import { describe, it } from 'node:test';
        import { eventToJson } from 'otel-audit';
        import { recordingSink, sinkSuite } from 'otel-audit/testing';
        const create = async () => {
          const sink = recordingSink();
          return { sink, stored: async () => sink.events.map((event) => eventToJson(event)) };
        };
        sinkSuite('recordingSink', create, { describe, it, without: ['breakFarSide'] });`,
    });
    const { stdout } = project.node('--test', '--test-reporter=tap', 'suite.test.mjs');
    expect(stdout).toMatch(/^# fail 0$/m);
    expect(stdout).toMatch(/^# skipped 1$/m);
    expect(stdout).toMatch(/rejects while the far side refuses.* # SKIP/);
  });

  it.each(['esm', 'cjs'] as const)('through one esbuild bundle, %s', (format) => {
    const [name, source] = format === 'esm' ? ['app.mjs', ESM] : ['app.cjs', CJS];
    const empty = mkdtempSync(join(tmpdir(), 'otel-audit-bundle-')); // out of reach of node_modules
    try {
      project.write({ [`bundle/${name}`]: `${source}\nrun().then(console.log);` });
      const { warnings } = buildSync({
        entryPoints: [join(project.folder, 'bundle', name)],
        outfile: join(empty, name),
        bundle: true,
        platform: 'node',
        format,
        logLevel: 'silent',
        banner: format === 'esm' ? { js: CJS_IN_ESM } : {},
      });
      expect(warnings).toEqual([]);
      expect(readdirSync(empty)).toEqual([name]);
      expect(run(process.execPath, [name], { cwd: empty }).stdout).toMatch(LINE);
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
});

/** The SDK is CommonJS and requires Node's modules, which an ESM bundle must be given a way to do. */
const CJS_IN_ESM =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
