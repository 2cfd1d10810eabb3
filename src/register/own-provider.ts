import { join } from 'node:path';
import type { ContextManager, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import type { Globals } from './globals.js';

type Make<Type> = new (options?: object) => Type;

/** The SDKs that may be installed, and their classes; the one that brings most with it first. */
const SDKS = [
  ['@opentelemetry/sdk-trace-node', 'NodeTracerProvider'],
  ['@opentelemetry/sdk-trace', 'TracerProvider'],
  ['@opentelemetry/sdk-trace-base', 'BasicTracerProvider'],
] as const;

/**
 * A provider of the SDK that the application has installed, without any processor yet, and what else there
 * must be that spans find their parents; undefined: no SDK is installed.
 */
export function makeProvider(): Globals | undefined {
  for (const [name, className] of SDKS) {
    const sdk = load(name, [join(process.cwd(), 'package.json'), here()]);
    const Provider = sdk?.exports[className] as Make<TracerProvider> | undefined;
    if (sdk === undefined || typeof Provider !== 'function') continue;
    const from = [sdk.path, join(process.cwd(), 'package.json'), here()];
    return {
      provider: new Provider(),
      contextManager: makeContextManager(from),
      propagator: makePropagator(from),
    };
  }
  return undefined;
}

function makeContextManager(from: readonly string[]): ContextManager | undefined {
  const Manager = load('@opentelemetry/context-async-hooks', from)?.exports
    .AsyncLocalStorageContextManager as Make<ContextManager> | undefined;
  return Manager === undefined ? undefined : new Manager().enable();
}

function makePropagator(from: readonly string[]): TextMapPropagator | undefined {
  const core = load('@opentelemetry/core', from)?.exports;
  const Propagator = core?.W3CTraceContextPropagator as Make<TextMapPropagator> | undefined;
  return Propagator === undefined ? undefined : new Propagator();
}

interface Loaded {
  readonly path: string;
  readonly exports: { readonly [name: string]: unknown };
}

/** The package as one of these files would see it. */
function load(name: string, from: readonly string[]): Loaded | undefined {
  const { createRequire } = process.getBuiltinModule('node:module');
  for (const file of from) {
    try {
      const require = createRequire(file);
      return { path: require.resolve(name), exports: require(name) };
    } catch {
      // It is not there, or not for this version of Node: the next may be.
    }
  }
  return undefined;
}

/** This file is CommonJS in one build and a module in the other. */
function here(): string {
  return typeof __filename === 'string' ? __filename : import.meta.url;
}
