import { beforeEach, describe, expect, it } from '@jest/globals';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { addEventToSpan } from '../../src/event/span.js';
import { AuditSpanProcessor } from '../../src/exporter/processor.js';
import { type RecordingSink, recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { diskFaults, ioError } from '../support/disk-faults.js';
import {
  eventsNamed,
  exporterFolder,
  idsOf,
  type OpenExporter,
} from '../support/exporter-folder.js';
import { idle, live, pump } from '../support/pump.js';

const disk = diskFaults();
const folder = exporterFolder();
diagLog();

let sink: RecordingSink;
let open: OpenExporter;
beforeEach(async () => {
  sink = recordingSink();
  open = folder.open({
    ledger: { directory: folder.path, maxWaitingBytes: BOUND },
    sinks: { sink },
  });
  await pump(open.clock, open.exporter.sendAudits(eventsNamed('before')));
});

const BOUND = 64 * 1024;
const FAULTS: readonly [string, string, () => void][] = [
  [
    'is full',
    'ENOSPC',
    () => {
      disk.space = 0;
    },
  ],
  [
    'is full in the middle of a line',
    'ENOSPC',
    () => {
      disk.space = 100;
    },
  ],
  [
    'fails to write',
    'EIO',
    () => {
      disk.write = ioError('EIO');
    },
  ],
  [
    'fails to sync',
    'EIO',
    () => {
      disk.sync = ioError('EIO');
    },
  ],
  [
    'takes a few bytes at a time and then none',
    'ENOSPC',
    () => {
      disk.writeAtMost = () => 7;
      disk.space = 90;
    },
  ],
];

function largeEvent(id: string): AuditEvent {
  const payload = { text: 'x'.repeat(500) };
  return createEvent({ type: 'flag', action: 'created', id, payload });
}

/** Whether a promise has come to anything. */
function watch(promise: Promise<unknown>): { state: string } {
  const watched = { state: 'pending' };
  promise.then(
    () => {
      watched.state = 'resolved';
    },
    (error: { code: string }) => {
      watched.state = error.code;
    },
  );
  return watched;
}

describe.each(FAULTS)('while the disk %s', (_, code, inject) => {
  it('what was accepted waits, unacknowledged, and health says why', async () => {
    const { exporter, clock } = open;
    inject();
    const sent = watch(exporter.sendAudits(eventsNamed('sent'), { timeoutMs: 60_000 }));
    const tracer = new BasicTracerProvider({
      spanProcessors: [new AuditSpanProcessor(exporter)],
    }).getTracer('test');
    addEventToSpan(
      createEvent({ type: 'flag', action: 'created', id: 'captured' }),
      tracer.startSpan('s'),
    );
    await live(clock, 20_000, 1000);
    expect(sent.state).toBe('pending');
    expect(exporter.health()).toMatchObject({
      ok: false,
      problems: [{ message: expect.stringContaining(code) }],
    });
    expect(sink.events.map(({ id }) => id)).toEqual(['before']);

    disk.heal();
    await pump(clock, exporter.forceFlush());
    expect(sent.state).toBe('resolved');
    expect(exporter.health()).toEqual({ ok: true, problems: [] });
    expect(exporter.stats().dropped).toBe(0);
    expect(folder.lines().map(({ id }) => id)).toEqual(['before', 'sent', 'captured']);
    expect(sink.events.map(({ id }) => id)).toEqual(['before', 'sent', 'captured']);
  });

  it('memory fills to its bound; past it events are refused, and nothing else is lost', async () => {
    const { exporter, clock, errors } = open;
    inject();
    const acknowledged: string[] = [];
    const refused: string[] = [];
    const sends: Promise<void>[] = [];
    for (const id of idsOf('sent', 500)) {
      const event = largeEvent(id);
      sends.push(
        exporter.sendAudits([event], { timeoutMs: 60_000 }).then(
          () => void acknowledged.push(id),
          (error: { code: string }) => {
            expect(error.code).toBe('queue-full');
            refused.push(id);
          },
        ),
      );
      if (refused.length === 0) await idle();
    }
    await idle();
    expect(acknowledged).toEqual([]);
    expect(refused.length).toBeGreaterThan(300);
    const tracer = new BasicTracerProvider({
      spanProcessors: [new AuditSpanProcessor(exporter)],
    }).getTracer('test');
    expect(addEventToSpan(largeEvent('captured'), tracer.startSpan('span'))).toBe(true);
    await idle();
    // What can neither be kept nor refused is lost, and told.
    expect(exporter.stats().dropped).toBe(1);
    expect(errors.map((error) => error.message)).toContainEqual(
      expect.stringContaining('an audit event is lost'),
    );

    disk.heal();
    await pump(clock, Promise.all(sends));
    await pump(clock, exporter.sendAudits(eventsNamed('after')));
    await pump(clock, exporter.forceFlush());
    expect(acknowledged.length + refused.length).toBe(500);
    const kept = ['before', ...acknowledged, 'after'];
    expect(folder.lines().map(({ id }) => id)).toEqual(kept);
    expect(sink.events.map(({ id }) => id)).toEqual(kept);
  });
});
