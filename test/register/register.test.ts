import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Application, type Ran } from './project.js';

// The built package in processes of their own, as an application has it that was never written for it.
// Run from the root, where `npm test` has built the package and installed the SDKs.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const canRunSdk3 = major > 22 || (major === 22 && minor >= 15);
const REGISTER = ['--import', 'otel-audit/register'];

const applications: Application[] = [];
const application = (sdk: string | undefined): Application => {
  const made = new Application(sdk);
  applications.push(made);
  return made;
};
afterEach(() => {
  for (const made of applications.splice(0)) made.remove();
});

/** What any program may put on its spans. */
const EVENT = (payload: string) => `{
  'flipt.event.version': '0.2', 'flipt.event.type': 'flag', 'flipt.event.action': 'created',
  'flipt.event.timestamp': '2026-01-31T12:00:00Z', 'flipt.event.payload': ${payload},
}`;

/** With a tracer from before any provider, and one from after it. */
const APP = `
const early = trace.getTracer('early');
await started;
early.startActiveSpan('one', (span) => {
  trace.getActiveSpan()?.addEvent('event', ${EVENT('\'"early"\'')});
  span.end();
});
const span = trace.getTracer('late').startSpan('two');
span.addEvent('event', ${EVENT('\'"late"\'')});
span.end();
`;
const asModule = (code: string) => `import { trace } from '@opentelemetry/api';
const started = Promise.resolve();
${code}`;
const asCommonJs = (code: string) => `const { trace } = require('@opentelemetry/api');
const started = Promise.resolve();
(async () => {${code}})();`;

/** Sets an SDK up, samples nothing, and prints the spans that its own processor sees. */
const setUp = (sdk: string): string => {
  const [name, className] = sdk.startsWith('sdk-node')
    ? ['sdk-node', 'NodeSDK']
    : sdk === 'sdk-trace-3'
      ? ['sdk-trace', 'TracerProvider']
      : ['sdk-trace-base', 'BasicTracerProvider'];
  return `
import { context, trace } from '@opentelemetry/api';
import * as module from '@opentelemetry/${name}';
import { existsSync } from 'node:fs';
const ${className} = module.${className} ?? module.default.${className};
const processor = {
  onStart() {},
  onEnd: (span) => console.log('saw', span.name, span.spanContext().traceFlags),
  forceFlush: async () => {},
  shutdown: async () => console.log('shut down'),
};
const sampler = { shouldSample: () => ({ decision: 0 }), toString: () => 'None' };
const sdk = new ${className}({ sampler, spanProcessors: [processor] });
if (sdk.start) sdk.start();
else {
  trace.setGlobalTracerProvider(sdk);
}
process.once('beforeExit', async () => {
  await sdk.shutdown();
  console.log('locked', existsSync('audit/lock'));
});
`;
};

const SDKS = [
  ['sdk-trace-base-1.30', true],
  ['sdk-trace-base-2.0', true],
  ['sdk-trace-base-2.12', true],
  ['sdk-trace-3', canRunSdk3],
] as const;
const NODE_SDKS = [
  ['sdk-node-0.223', true],
  ['sdk-node-0.301', canRunSdk3],
] as const;

const NEWER = ` (demands Node 22.15, this is ${process.versions.node}; .ci/run has newer ones)`;
const test = (canRun: boolean, title: string, run: () => Promise<void>): void => {
  if (canRun) it(title, run);
  else it.skip(title + NEWER, () => {});
};

describe.each(SDKS)('the bare provider of %s', (sdk, canRun) => {
  test(canRun, 'is joined where it stands already', async () => {
    const app = application(sdk);
    app.write('tracing.mjs', setUp(sdk));
    app.write('app.mjs', asModule(APP));
    expectTraced(await app.run(['--import', './tracing.mjs', ...REGISTER, 'app.mjs']));
    // Without a context manager no span is the active one.
    expect(app.payloads()).toEqual(['late']);
    expect(app.isLocked).toBe(false);
  });

  test(canRun, 'is joined where it comes later, and was stood in for until then', async () => {
    const app = application(sdk);
    app.write('tracing.mjs', setUp(sdk));
    app.write('app.mjs', asModule(APP).replace('Promise.resolve()', "import('./tracing.mjs')"));
    const { stderr, ...ran } = await app.run([...REGISTER, 'app.mjs']);
    expectTraced({ ...ran, stderr: '' });
    expect(stderr).toContain('npm install @opentelemetry/context-async-hooks');
    expect(app.payloads()).toEqual(['late']);
  });
});

describe.each(NODE_SDKS)('with %s', (sdk, canRun) => {
  describe.each([
    ['ESM', 'app.mjs', asModule],
    ['CommonJS', 'app.cjs', asCommonJs],
  ] as const)('an application in %s', (_, file, as) => {
    test(canRun, 'is recorded where the SDK was preloaded first', async () => {
      const app = application(sdk);
      app.write('tracing.mjs', setUp(sdk));
      app.write(file, as(APP));
      expectTraced(await app.run(['--import', './tracing.mjs', ...REGISTER, file]));
      expect(app.payloads()).toEqual(['early', 'late']);
      expect(app.isLocked).toBe(false);
    });

    test(canRun, 'is recorded where the SDK is preloaded after it', async () => {
      const app = application(sdk);
      app.write('tracing.mjs', setUp(sdk));
      app.write(file, as(APP));
      expectTraced(await app.run([...REGISTER, '--import', './tracing.mjs', file]));
      expect(app.payloads()).toEqual(['early', 'late']);
      expect(app.isLocked).toBe(false);
    });

    test(canRun, 'is recorded where it sets the SDK up itself', async () => {
      const app = application(sdk);
      app.write('tracing.mjs', setUp(sdk));
      app.write(file, as(APP).replace('Promise.resolve()', "import('./tracing.mjs')"));
      expectTraced(await app.run([...REGISTER, file]));
      expect(app.payloads()).toEqual(['early', 'late']);
    });

    test(canRun, 'is recorded where there is no SDK but that which is installed', async () => {
      const app = application(sdk);
      app.write(file, as(APP));
      const { code, stderr } = await app.run([...REGISTER, file]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(app.payloads()).toEqual(['early', 'late']);
      expect(app.isLocked).toBe(false);
    });
  });
});

/** The SDK works as it did, sampler included. */
function expectTraced({ code, stdout, stderr }: Ran): void {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual(['saw one 0', 'saw two 0', 'shut down', 'locked false', '']);
}

describe('otel-audit/register', () => {
  it('says which provider cannot be joined, and what to do', async () => {
    const app = application(undefined);
    app.write(
      'app.mjs',
      `import { trace } from '@opentelemetry/api';
       class Foreign { getTracer() { return { startSpan: () => trace.wrapSpanContext({}) }; } }
       trace.setGlobalTracerProvider(new Foreign());`,
    );
    const { code, stderr } = await app.run([...REGISTER, 'app.mjs']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /OtelAuditWarning: otel-audit\/register: the tracer provider Foreign cannot be joined.*createAudit/,
    );
  });

  it('says that there is no SDK', async () => {
    const app = application(undefined);
    app.write('app.mjs', asModule(APP));
    const { code, stderr } = await app.run([...REGISTER, 'app.mjs']);
    expect(code).toBe(0);
    expect(stderr).toContain('there is no tracer provider');
    expect(stderr).toContain('npm install @opentelemetry/sdk-trace-node');
  });

  it.each([
    ['no configuration is named', { OTEL_AUDIT_CONFIG: undefined }, 'OTEL_AUDIT_CONFIG must name'],
    ['it is not there', { OTEL_AUDIT_CONFIG: 'other.json' }, 'other.json'],
    ['it is wrong', { OTEL_AUDIT_CONFIG: 'wrong.json' }, 'did you mean ledger'],
  ])('does not let a process start where %s', async (_, env, told) => {
    const app = application(undefined);
    app.write('wrong.json', '{"audit":{"legder":"x"}}');
    app.write('app.mjs', "console.log('started');");
    const { code, stdout, stderr } = await app.run([...REGISTER, 'app.mjs'], env);
    expect(code).toBe(1);
    expect(stderr).toContain(told);
    expect(stdout).toBe('');
  });

  it.each<[string[], string]>([
    [['-r', 'otel-audit/register'], ''],
    [['--require=otel-audit/register'], ''],
    [[], '--require "otel-audit/register"'],
  ])(
    'does not let a process start that would not be audited: %j %s',
    async (flags, NODE_OPTIONS) => {
      const app = application(undefined);
      app.write('app.cjs', "console.log('started');");
      const { code, stdout, stderr } = await app.run([...flags, 'app.cjs'], { NODE_OPTIONS });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('start with --import otel-audit/register');
      // A file of the application's own may wait for it.
      mkdirSync(join(app.folder, 'otel-audit'));
      app.write('otel-audit/register.cjs', "require('otel-audit/register').register();");
      expect(await app.run(['-r', './otel-audit/register.cjs', 'app.cjs'])).toMatchObject({
        code: 0,
        stdout: 'started\n',
      });
      // Beside the right flag it does no harm.
      expect(await app.run([...flags, ...REGISTER, 'app.cjs'], { NODE_OPTIONS })).toMatchObject({
        code: 0,
        stdout: 'started\n',
      });
    },
  );

  it('says what goes wrong later, though nobody has given diag a logger', async () => {
    const app = application('sdk-node-0.223');
    app.write('app.mjs', asModule(APP).replaceAll('"late"', 'no JSON'));
    const { code, stderr } = await app.run([...REGISTER, 'app.mjs']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /OtelAuditWarning: otel-audit\/register: flipt\.event\.payload is not valid JSON/,
    );
  });

  it('leaves an SDK that comes later all that it registers, and nobody after that', async () => {
    const app = application('sdk-node-0.223');
    app.write(
      'tracing.mjs',
      setUp('sdk-node-0.223').replace(
        'sampler,',
        "sampler, textMapPropagator: { inject() {}, extract: (given) => given, fields: () => ['theirs'] },",
      ),
    );
    app.write(
      'app.mjs',
      `import { context, propagation, trace } from '@opentelemetry/api';
       const ours = propagation.fields();
       await import('./tracing.mjs');
       console.log(ours.join(), propagation.fields().join());
       console.log(trace.setGlobalTracerProvider({}), propagation.setGlobalPropagator({}), context.setGlobalContextManager({}));`,
    );
    const { stdout, stderr } = await app.run([...REGISTER, 'app.mjs']);
    expect(stderr).toBe('');
    expect(stdout).toBe(
      'traceparent,tracestate theirs\nfalse false false\nshut down\nlocked false\n',
    );
  });

  it('lets worker threads live, which share the flags of the process', async () => {
    const app = application('sdk-node-0.223');
    app.write(
      'app.mjs',
      `${asModule(APP)}
       import { isMainThread, Worker } from 'node:worker_threads';
       if (isMainThread) new Worker(new URL(import.meta.url));
       else console.log('worker');`,
    );
    const { code, stdout, stderr } = await app.run([...REGISTER, 'app.mjs']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'worker\n' });
    expect(stderr).toContain('set slots: true in audit.json');
    expect(app.payloads()).toEqual(['early', 'late']);
  });
});
