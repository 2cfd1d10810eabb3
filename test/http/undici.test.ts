import { expect, it, jest } from '@jest/globals';
import { SinkError } from '../../src/sink.js';
import { webhookSink } from '../../src/sinks/webhook.js';
import { farSide } from '../support/far-side.js';

it('a sink without the package undici says at its first attempt what to install, and finds it later', async () => {
  jest.doMock('undici', () => {
    throw new Error("Cannot find module 'undici'");
  });
  const far = await farSide();
  const sink = webhookSink({ url: far.url, mode: 'batch' });
  const event = { id: 'e', version: '0.2', type: 'a', action: 'b', metadata: {}, timestamp: 'c' };
  const send = () => sink.sendAudits([event], { signal: new AbortController().signal, attempt: 1 });
  try {
    const error = await send().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SinkError);
    expect(error).toMatchObject({
      fault: 'sink',
      message:
        'webhookSink needs the package undici, which cannot be loaded: npm install undici, undici@7 for Node below 22.19',
    });
    jest.dontMock('undici');
    await send();
    expect(far.seen).toHaveLength(1);
  } finally {
    await sink.close?.();
    await far.close();
  }
});
