import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { type AnyOptions, frameworks } from './frameworks.js';
import { brief, httpRig, post } from './rig.js';

// Nothing is captured here: what is not on the span when it ends is lost.
const rig = httpRig('span end');

const routes: AnyOptions['routes'] = {
  'POST /status/:status': 'thing:change',
  'POST /late/:status': 'thing:come',
  'GET /stream': 'report:read',
};

describe.each(Object.entries(frameworks))(
  '%s, the spans read when they end',
  (_name, framework) => {
    it.each([
      ['200', 'thing:change success'],
      ['403', 'thing:change denied'],
      ['500', 'thing:change failed {"status":500}'],
    ])('records %s while the span records', async (status, expected) => {
      const running = await rig.start(framework, { routes, failures: true });
      const closed = running.nextClose();
      await (await fetch(`${running.url}/status/${status}`, { method: 'POST' })).text();
      await closed;
      expect((await rig.events()).map(brief)).toEqual([expected]);
    });

    it('records a client that hangs up in the midst of a stream, while the span records', async () => {
      const running = await rig.start(framework, { routes });
      const socket = await running.raw('GET /stream HTTP/1.1\r\nhost: here\r\n\r\n');
      await once(socket, 'data');
      await running.stage.waiting;
      const closed = running.nextClose();
      socket.destroy();
      await closed;
      expect((await rig.events()).map(brief)).toEqual(['report:read success']);
    });

    it.each([true, false])(
      'records an answer that comes after the client and the span: sender %s',
      async (hasSender) => {
        const sender = hasSender ? rig.exporter : undefined;
        const running = await rig.start(framework, { routes, sender });
        const socket = await running.raw(post('/late/201'));
        await running.stage.waiting;
        const closed = running.nextClose();
        socket.destroy();
        await closed;
        running.stage.release();
        await running.settled();
        const events = await rig.events();
        expect(events.map(brief)).toEqual(hasSender ? ['thing:come success'] : []);
        if (hasSender) {
          const [span] = rig.spans.getFinishedSpans();
          expect(events[0]!.trace?.spanId).toBe(span!.spanContext().spanId);
        }
      },
    );

    it('records without any tracing, by its sender', async () => {
      const running = await rig.start(framework, { routes, sender: rig.exporter });
      rig.trace(false);
      await (await fetch(`${running.url}/status/200`, { method: 'POST' })).text();
      rig.trace(true);
      const events = await rig.events();
      expect(events.map(brief)).toEqual(['thing:change success']);
      expect(events[0]!.trace).toBeUndefined();
    });
  },
);
