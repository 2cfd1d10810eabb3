import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { installed, Project, root, run } from './packed.js';

// The matcher in the frameworks of users: run by each of them, and its declarations compiled with each.
const vitest = join(root, 'test/compat/vitest-4/node_modules/vitest');
const project = new Project({
  '@opentelemetry': installed('@opentelemetry'),
  '@types/node': installed('@types/node'),
  '@jest/globals': installed('@jest/globals'),
  expect: installed('expect'),
  vitest,
});
afterAll(() => project.remove());

const assertions = `
expect.extend({ toHaveAudited });
const audit = memoryProvider(NodeTracerProvider);

it('finds what is recorded', () => {
  trace.getTracer('app').startActiveSpan('request', (span) => {
    addEventToSpan(createEvent({ type: 'flag', action: 'created', payload: { key: 'a', more: 1 } }));
    span.end();
  });
  expect(audit).toHaveAudited('flag:created', { payload: { key: 'a' } });
  expect(audit).not.toHaveAudited('flag:created', { payload: { key: 'b' } });
  expect(recordingSink()).not.toHaveAudited('flag:created');
});
`;
const names = (framework: string) => `
import { trace } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { addEventToSpan, createEvent } from 'otel-audit';
import { memoryProvider, recordingSink, toHaveAudited } from 'otel-audit/testing';
${framework}
`;
const FRAMEWORKS = [
  ['Vitest', "import { expect, it } from 'vitest';"],
  ['@jest/globals', "import { expect, it } from '@jest/globals';"],
] as const;

describe('toHaveAudited', () => {
  it('works in Vitest', () => {
    const failing = "it('fails', () => expect(recordingSink()).toHaveAudited('flag:created'));";
    project.write({
      'package.json': '{"type":"module"}',
      'works.test.mjs': names(FRAMEWORKS[0][1]) + assertions,
      'fails.test.mjs': names(FRAMEWORKS[0][1]) + assertions + failing,
    });
    const inVitest = (file: string) =>
      project.node(join(vitest, 'vitest.mjs'), 'run', '--reporter=verbose', file);
    expect(inVitest('works.test.mjs').stdout).toMatch(
      /✓.*works\.test\.mjs.*finds what is recorded/,
    );
    expect(() => inVitest('fails.test.mjs')).toThrow(
      /expected flag:created to have been audited; nothing is recorded/,
    );
  });

  it.each(FRAMEWORKS)('is declared for %s', (_, framework) => {
    expect(compile(names(framework) + assertions)).toBe('');
    expect(() =>
      compile(`${names(framework)}${assertions}expect(audit).toHaveAudited(7);`),
    ).toThrow(/app\.ts.*number.*string/s);
  });

  it('is declared for the globals of Jest', () => {
    // As @types/jest declares them.
    const globals = `
      declare global {
        namespace jest {
          interface Matchers<R, T = {}> { toBe(expected: unknown): R }
          interface Expect { <T>(actual: T): { not: Matchers<void, T> } & Matchers<void, T>; extend(matchers: object): void }
        }
        var expect: jest.Expect;
        var it: (name: string, test: () => void) => void;
      }`;
    expect(compile(names(globals) + assertions)).toBe('');
    expect(() => compile(`${names(globals)}${assertions}expect(audit).toHaveAudited(7);`)).toThrow(
      /app\.ts.*number.*string/s,
    );
  });
});

function compile(code: string): string {
  project.write({
    'package.json': '{"type":"module"}',
    'app.ts': code,
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        target: 'es2022',
        module: 'nodenext',
        types: ['node'],
        strict: true,
        // Vitest's own declarations need those of Vite.
        skipLibCheck: true,
        noEmit: true,
      },
      files: ['app.ts'],
    }),
  });
  return run(process.execPath, [join(installed('typescript'), 'bin/tsc'), '-p', '.'], {
    cwd: project.folder,
  }).stdout;
}
