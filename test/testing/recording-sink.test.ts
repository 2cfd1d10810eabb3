import { describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { sinkSuite } from '../../src/testing/sink-suite.js';

sinkSuite('recordingSink', async () => {
  const sink = recordingSink();
  return {
    sink,
    stored: async () => sink.events.map((event) => eventToJson(event)),
    breakFarSide: async () => sink.failWith(new Error('broken')),
    mendFarSide: async () => sink.failWith(),
  };
});

describe('a recording sink', () => {
  const [a, b] = ['a', 'b'].map((type) => createEvent({ type, action: 'created' }));
  const live = { signal: new AbortController().signal, attempt: 1 };

  it('remembers events and the batches they came in, until it is cleared', async () => {
    const sink = recordingSink();
    await sink.sendAudits([a!, b!], live);
    await sink.sendAudits([a!], live);
    expect(sink.batches).toEqual([[a, b], [a]]);
    expect(sink.events).toEqual([a, b, a]);
    sink.clear();
    expect(sink.events).toEqual([]);
    expect(sink.batches).toEqual([]);
  });

  it('keeps a batch as it came though the array is used again', async () => {
    const sink = recordingSink();
    const batch = [a!];
    await sink.sendAudits(batch, live);
    batch.push(b!);
    expect(sink.events).toEqual([a]);
  });

  it('fails with the error it is told, until it is told none', async () => {
    const sink = recordingSink();
    const error = new Error('full');
    sink.failWith(error);
    await expect(sink.sendAudits([a!], live)).rejects.toBe(error);
    await expect(sink.sendAudits([a!], live)).rejects.toBe(error);
    sink.failWith();
    await sink.sendAudits([b!], live);
    expect(sink.events).toEqual([b]);
  });

  it('says whether it is closed', async () => {
    const sink = recordingSink();
    expect(sink.closed).toBe(false);
    await sink.close?.();
    expect(sink.closed).toBe(true);
  });
});
