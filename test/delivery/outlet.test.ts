import { describe, expect, it } from '@jest/globals';
import { Outlet } from '../../src/delivery/outlet.js';
import { type Sink, SinkError } from '../../src/sink.js';
import { fakeClock } from '../support/fake-clock.js';

const batch = { events: [], records: undefined, attempt: 1 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

function heldOutlet() {
  const clock = fakeClock();
  const sends: { signal: AbortSignal; resolve: () => void; reject: (error: unknown) => void }[] =
    [];
  const sink: Sink = {
    sendAudits: (_, { signal }) =>
      new Promise<void>((resolve, reject) => {
        sends.push({ signal, resolve, reject });
      }),
  };
  return { clock, sends, outlet: new Outlet(sink, 1000, clock) };
}

describe('an outlet', () => {
  it('lets one batch through at a time, in order, also after a failure', async () => {
    const { outlet, sends } = heldOutlet();
    const first = outlet.send(batch).outcome;
    const second = outlet.send(batch).outcome;
    const third = outlet.send(batch).outcome;
    await turn();
    expect(sends).toHaveLength(1);
    sends[0]!.reject(new Error('down'));
    await expect(first).rejects.toThrow('down');
    expect(sends).toHaveLength(2);
    sends[1]!.resolve();
    await second;
    sends[2]!.resolve();
    await third;
  });

  it('counts the deadline from the moment in which the sink is called', async () => {
    const { outlet, sends, clock } = heldOutlet();
    const first = outlet.send(batch).outcome;
    const second = outlet.send(batch).outcome;
    clock.advance(900);
    sends[0]!.resolve();
    await first;
    clock.advance(900);
    expect(sends[1]!.signal.aborted).toBe(false);
    clock.advance(100);
    expect(sends[1]!.signal.aborted).toBe(true);
    expect(sends[1]!.signal.reason).toMatchObject({ fault: 'transient' });
    sends[1]!.resolve();
    await second; // late, and stored all the same
    expect(clock.waiting).toBe(0);
  });

  it('shows since when a sink ignores its deadline', async () => {
    const { outlet, sends, clock } = heldOutlet();
    const { outcome } = outlet.send(batch);
    clock.advance(999);
    expect(outlet.overdueSince).toBeUndefined();
    clock.advance(1);
    clock.advance(5000);
    expect(outlet.overdueSince).toBe(1000);
    sends[0]!.reject(new SinkError('event', 'too long', { failed: [] }));
    await expect(outcome).rejects.toMatchObject({ fault: 'event' });
    expect(outlet.overdueSince).toBeUndefined();
  });

  it('takes an exception for a rejection', async () => {
    const sink: Sink = {
      sendAudits() {
        throw new Error('not even a promise');
      },
    };
    const outlet = new Outlet(sink, 1000, fakeClock());
    await expect(outlet.send(batch).outcome).rejects.toThrow('not even a promise');
    await expect(outlet.send(batch).outcome).rejects.toThrow('not even a promise');
  });

  it('drops from its queue what is aborted there, and no other', async () => {
    const { outlet, sends } = heldOutlet();
    const first = outlet.send(batch).outcome;
    const second = outlet.send(batch);
    const third = outlet.send(batch).outcome;
    second.abort(new Error('stop'));
    await expect(second.outcome).rejects.toThrow('stop');
    sends[0]!.resolve();
    await first;
    expect(sends).toHaveLength(2);
    sends[1]!.resolve();
    await third;
  });
});
