import { afterEach, expect, it, jest } from '@jest/globals';
import { createEvent } from '../../../src/event/event.js';
import { otlpSink } from '../../../src/sinks/otlp.js';
import { farSide } from '../../support/far-side.js';

const PACKAGE = '@opentelemetry/otlp-transformer';
const event = createEvent({ type: 'flag', action: 'created' });
const context = { signal: new AbortController().signal, attempt: 1 };
afterEach(() => {
  jest.dontMock(PACKAGE);
  jest.resetModules();
});

it.each([
  [
    'that is missing',
    () => {
      throw new Error('Cannot find module');
    },
    `otlpSink needs the package ${PACKAGE}, which cannot be loaded: npm install ${PACKAGE}, at 0.223 for Node below 22.15`,
  ],
  [
    'without serializers',
    () => ({}),
    `otlpSink finds no serializers of logs in ${PACKAGE}: npm install ${PACKAGE}, at 0.223 for Node below 22.15`,
  ],
])('a package %s is named at the first attempt, and found later', async (_, factory, message) => {
  jest.doMock(PACKAGE, factory as () => object);
  const far = await farSide();
  const sink = otlpSink({ url: far.url });
  try {
    await expect(sink.sendAudits([event], context)).rejects.toMatchObject({
      fault: 'sink',
      message,
    });
    jest.dontMock(PACKAGE);
    jest.resetModules();
    await sink.sendAudits([event], context);
    expect(far.seen).toHaveLength(1);
  } finally {
    await sink.close?.();
    await far.close();
  }
});
