import { describe, expect, it } from '@jest/globals';
import type { Attributes } from '@opentelemetry/api';
import fc from 'fast-check';
import { encodeEvent } from '../../src/event/attributes.js';
import { eventToJson } from '../../src/event/json.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { diskFaults } from '../support/disk-faults.js';
import { created, exported, exporterRig, spanOf } from '../support/exporter-rig.js';
import { verifyChain } from '../support/verify-chain.js';

diagLog();
diskFaults();
const rig = exporterRig();

describe('ten thousand random sets of attributes', () => {
  it.each(['memory', 'a ledger'])(
    'neither throw nor lose a valid event, through %s',
    async (store) => {
      const valid = encodeEvent(created);
      const value = fc.oneof(
        fc.anything({ withBigInt: true, withDate: true }),
        fc.json(),
        fc.string({ unit: 'binary' }),
        fc.constantFrom(...Object.values(valid)),
      );
      const key = fc.oneof(
        fc.constantFrom(...Object.keys(valid), 'flipt.event', 'flipt.event.Type', '__proto__'),
        fc.string(),
      );
      const noise = fc.dictionary(key, value, { maxKeys: 6 });
      const set = fc.oneof(
        {
          weight: 1,
          arbitrary: fc.uuid().map((id) => ({ ...valid, 'flipt.event.id': id })),
        },
        { weight: 2, arbitrary: noise },
        { weight: 2, arbitrary: noise.map((wrong) => ({ ...valid, ...wrong })) },
      );
      const sets = fc.sample(set, 10_000) as Attributes[];
      // A span of its own for each hundred: what has no id gets one from its span and place.
      const spans = Array.from({ length: 100 }, (_, n) => ({
        ...spanOf([
          ...sets.slice(n * 100, n * 100 + 100),
          { ...valid, 'flipt.event.id': `sure-${n}` },
        ]),
        spanContext: () => ({
          traceId: '0af7651916cd43dd8448eb211c80319c',
          spanId: String(n + 1).padStart(16, '0'),
          traceFlags: 1,
        }),
      }));
      const sink = recordingSink();
      const sinks = { memory: sink };
      const { exporter } = store === 'memory' ? rig.openMemory({ sinks }) : rig.open({ sinks });
      expect(await exported(exporter, ...spans)).toEqual({ code: 0 });
      await exporter.forceFlush();
      // What is surely valid: every attribute as it was but for the id, which nothing else has.
      const { 'flipt.event.id': _, ...others } = valid;
      const all = spans.flatMap(({ events }) =>
        events.map(({ attributes }) => attributes as Attributes),
      );
      const ids = all.map((attributes) => attributes['flipt.event.id']);
      const isAlone = (id: unknown) => ids.indexOf(id as string) === ids.lastIndexOf(id as string);
      const sure = all
        .filter((attributes) =>
          Object.entries(others).every(([name, text]) => attributes[name] === text),
        )
        .map((attributes) => attributes['flipt.event.id'])
        .filter((id) => typeof id === 'string' && /^[\w-]{1,256}$/.test(id) && isAlone(id))
        .map(String);
      expect(sure.length).toBeGreaterThan(1000);
      const delivered = sink.events.map(({ id }) => id);
      const stored = new Set(delivered);
      expect(sure.filter((id) => !stored.has(id))).toEqual([]);
      const { emitted, malformed, dropped, pending } = exporter.stats();
      expect([emitted, dropped, pending]).toEqual([delivered.length, 0, 0]);
      for (const event of sink.events) JSON.parse(eventToJson(event, { fields: 'full' }));
      if (store === 'memory') return;
      expect(verifyChain(rig.path)).toHaveLength(emitted + malformed);
    },
  );
});
