import { afterAll, describe, expect, it } from '@jest/globals';
import { Project } from './packed.js';

const project = new Project();
afterAll(() => project.remove());

const PAYLOAD = '{"amount":12345678901234567890.10,"note":"1e400"}';

/** Runs a script that has both copies, as a bundle may bring a second one along; it prints JSON. */
function both(script: string): unknown {
  project.write({
    'app.mjs': `
      import { createRequire } from 'node:module';
      import * as esm from './node_modules/otel-audit/dist/esm/index.js';
      import * as esmTesting from './node_modules/otel-audit/dist/esm/testing/index.js';
      const require = createRequire(import.meta.url);
      const cjs = require('otel-audit');
      const cjsTesting = require('otel-audit/testing');
      const payload = ${JSON.stringify(PAYLOAD)};
      const attributes = { ...esm.encodeEvent(esm.createEvent({ type: 'a', action: 'b' })), 'flipt.event.payload': payload };
      const print = (value) => console.log(JSON.stringify(value));
      const thrown = (body) => { try { body(); } catch (error) { return error; } };
      if (esm.SinkSpanExporter === cjs.SinkSpanExporter) throw new Error('there is one copy only');
      ${script}`,
  });
  return JSON.parse(project.node('app.mjs').stdout);
}

describe('ESM and CommonJS copies side by side in one process', () => {
  it('recognise each other’s errors', () => {
    const recognised = both(`
      print([[esm, cjs], [cjs, esm]].flatMap(([mine, other]) => {
        const audit = thrown(() => mine.createEvent({ type: '', action: 'b' }));
        const sink = new mine.SinkError('event', 'refused');
        return [
          audit instanceof other.AuditError,
          sink instanceof other.SinkError,
          !(audit instanceof other.SinkError),
          !(sink instanceof other.AuditError),
          !(new Error('another') instanceof other.AuditError),
        ];
      }));`);
    expect(recognised).toEqual(Array(10).fill(true));
  });

  it('keep the exact text of a payload that the other one decoded', () => {
    const payloads = both(`
      const end = ',"timestamp"';
      const payloadOf = (json) => json.slice(json.indexOf('"payload":') + 10, json.indexOf(end));
      print([[esm, cjs], [cjs, esm]].flatMap(([mine, other]) => {
        const { event } = mine.decodeEvent(attributes);
        return [
          payloadOf(other.eventToJson(event)),
          payloadOf(other.eventToJson({ ...event })),
          payloadOf(other.eventToJson({ ...event, status: 'denied' })),
          other.encodeEvent(event)['flipt.event.payload'],
          other.encodeEvent({ ...event })['flipt.event.payload'],
        ];
      }));`);
    expect(payloads).toEqual(Array(10).fill(PAYLOAD));
  });

  it('deliver an event that one made through the exporter of the other to a sink of the first', () => {
    const payloads = both(`
      const sent = await Promise.all([[esm, cjs, esmTesting], [cjs, esm, cjsTesting]].map(
        async ([mine, other, testing]) => {
          const sink = testing.recordingSink();
          const exporter = new other.SinkSpanExporter({ sinks: { memory: sink } });
          await exporter.sendAudits([mine.decodeEvent(attributes).event]);
          await exporter.shutdown();
          return mine.encodeEvent(sink.events[0])['flipt.event.payload'];
        }));
      print(sent);`);
    expect(payloads).toEqual([PAYLOAD, PAYLOAD]);
  });

  it('carry one actor, and take each other’s exporters and rules', () => {
    const actors = both(`
      const kept = await Promise.all([[esm, cjs, esmTesting], [cjs, esm, cjsTesting]].map(
        async ([mine, other, testing]) => {
          const memory = testing.recordingSink();
          const rules = other.spanRules([{ match: { a: 1 }, type: 'a', action: 'ruled' }]);
          const exporter = new mine.SinkSpanExporter({ sinks: { memory }, rules });
          const call = { type: 'a', action: 'called', sender: exporter, durable: true };
          await mine.auditActor({ name: 'Ann' }, async () => {
            await null;
            return other.withAudit(call, () => 7);
          });
          new other.AuditSpanProcessor(exporter).onEnd({
            spanContext: () => ({ traceId: '1'.padStart(32, '0'), spanId: '1'.padStart(16, '0'), traceFlags: 1 }),
            events: [],
            attributes: { a: 1 },
          });
          await exporter.forceFlush();
          await exporter.shutdown();
          return memory.events.map(({ action, metadata }) => [action, metadata.actor?.name ?? null]);
        }));
      print(kept);`);
    const kept = [
      ['called', 'Ann'],
      ['ruled', null],
    ];
    expect(actors).toEqual([kept, kept]);
  });
});

describe('import and require under Node', () => {
  it.each(['otel-audit', 'otel-audit/sinks/log', 'otel-audit/testing'])(
    'of %s give one copy',
    (specifier) => {
      project.write({
        'one.mjs': `
        import { createRequire } from 'node:module';
        import * as imported from '${specifier}';
        const required = createRequire(import.meta.url)('${specifier}');
        const names = Object.keys(required);
        console.log(JSON.stringify([
          Object.keys(imported).sort().join() === names.sort().join(),
          names.length > 0 && names.every((name) => imported[name] === required[name]),
        ]));`,
      });
      expect(JSON.parse(project.node('one.mjs').stdout)).toEqual([true, true]);
    },
  );
});
