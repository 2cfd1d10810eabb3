import { describe, expect, it } from '@jest/globals';
import type { AuditError } from '../../src/errors.js';
import type { Sink } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { eventsNamed, exporterFolder, idsOf } from '../support/exporter-folder.js';
import { live, pump } from '../support/pump.js';

const folder = exporterFolder();
diagLog();

/** Settles nothing, whatever its signal says. */
const hungSink = (): Sink => ({ sendAudits: () => new Promise(() => {}), close: async () => {} });

const COUNT = 3000;

describe('a sink that hangs beside a healthy one', () => {
  it('holds up nobody but itself, is named, and gets everything after a restart', async () => {
    const healthy = recordingSink();
    const { exporter, clock } = folder.open({ sinks: { healthy, hung: hungSink() } });
    const ids = idsOf('event', COUNT);
    const receipts = await pump(clock, exporter.sendAudits(eventsNamed(...ids)));
    expect(receipts.map((receipt) => receipt?.sequence)).toEqual(ids.map((_, n) => n + 1));
    await live(clock, 10 * 60_000, 1000);
    expect(healthy.events.map(({ id }) => id)).toEqual(ids);
    expect(exporter.stats()).toMatchObject({
      dropped: 0,
      sinks: { healthy: { backlog: 0 }, hung: { backlog: COUNT, deadLetters: 0, lost: 0 } },
    });
    const { problems } = exporter.health();
    expect(problems).toMatchObject([{ sink: 'hung', waiting: COUNT }]);
    expect(problems[0]!.forMs).toBeGreaterThan(9 * 60_000);

    const begunAt = clock.monotonic();
    await pump(clock, exporter.shutdown());
    expect(clock.monotonic() - begunAt).toBeLessThanOrEqual(12_000);

    const mended = recordingSink();
    const next = folder.open({ sinks: { healthy, hung: mended } }, clock);
    await pump(clock, next.exporter.forceFlush());
    expect(mended.events.map(({ id }) => id)).toEqual(ids);
    expect(healthy.events).toHaveLength(COUNT);
  });

  it('makes who waits for delivery wait no longer than they said, with the receipts', async () => {
    const healthy = recordingSink();
    const { exporter, clock } = folder.open({ sinks: { healthy, hung: hungSink() } });
    const sent = exporter.sendAudits(eventsNamed('a', 'b'), {
      until: 'delivered',
      timeoutMs: 5000,
    });
    const error = await pump(
      clock,
      sent.then(
        () => undefined,
        (thrown: AuditError) => thrown,
      ),
    );
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('hung') });
    expect(error!.message).not.toContain('healthy');
    expect(error!.receipts?.map((receipt) => receipt?.recordId)).toEqual(['a', 'b']);
    expect(folder.lines().map(({ id }) => id)).toEqual(['a', 'b']);
    expect(healthy.events.map(({ id }) => id)).toEqual(['a', 'b']);
  });
});
