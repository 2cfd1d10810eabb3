import { afterEach, describe, expect, it } from '@jest/globals';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { registeredProvider, registerReplaceably } from '../../src/register/globals.js';
import { SwitchingProvider } from '../../src/register/switching-provider.js';
import { diagLog } from '../support/diag-log.js';

diagLog();
afterEach(() => {
  for (const api of [trace, context, propagation]) api.disable();
});

const propagator = { inject() {}, extract: (given: never) => given, fields: () => ['ours'] };

describe('what is registered replaceably', () => {
  // That others may replace it is tested in processes of their own: in the realm of a test Node asks no setter.
  it('is what the API uses', () => {
    const provider = new BasicTracerProvider();
    const contextManager = new AsyncLocalStorageContextManager().enable();
    expect(registeredProvider()).toBeUndefined();
    const globals = { provider, contextManager, propagator: propagator as never };
    expect(registerReplaceably(globals, () => {})).toBe(true);
    expect(registeredProvider()).toBe(provider);
    expect(propagation.fields()).toEqual(['ours']);
    trace.getTracer('a').startActiveSpan('a', (span) => expect(trace.getActiveSpan()).toBe(span));
    expect.assertions(5);
  });

  it('gives way where another is registered already', () => {
    const there = new BasicTracerProvider();
    trace.setGlobalTracerProvider(there);
    expect(registerReplaceably({ provider: new BasicTracerProvider() }, () => {})).toBe(false);
    expect(registeredProvider()).toBe(there);
  });
});

describe('a switching provider', () => {
  it('takes tracers that were made before along', () => {
    const [first, second] = ['first', 'second'].map(
      (name) =>
        new BasicTracerProvider({
          sampler: {
            shouldSample: () => ({ decision: 2, attributes: { name } }),
            toString: () => name,
          },
        }),
    ) as [BasicTracerProvider, BasicTracerProvider];
    const provider = new SwitchingProvider(first);
    const tracer = provider.getTracer('a', '1');
    const nameOf = () => {
      const { attributes, instrumentationScope } = tracer.startSpan('a') as never as {
        attributes: { name: string };
        instrumentationScope: { name: string; version: string };
      };
      expect(instrumentationScope).toMatchObject({ name: 'a', version: '1' });
      return attributes.name;
    };
    expect(nameOf()).toBe('first');
    provider.switchTo(second);
    expect(nameOf()).toBe('second');
    expect(tracer.startActiveSpan('b', () => 7)).toBe(7);
  });
});
