import { describe, expect, it } from '@jest/globals';
import { Outlet } from '../../src/delivery/outlet.js';
import { ArraySource, laneRig, numbered, range } from './lane-rig.js';
import { timeline } from './timeline.js';

/** An outlet with a fault of our own: it throws where it should not, so many times. */
function faultyOutlet(faults: number) {
  const clock = timeline();
  const stored: number[] = [];
  let tries = 0;
  const sink = {
    async sendAudits(events: readonly { readonly id: string }[]) {
      stored.push(...events.map(({ id }) => Number(id.slice('event-'.length))));
    },
  };
  class FaultyOutlet extends Outlet {
    override send(...args: Parameters<Outlet['send']>) {
      tries += 1;
      if (tries <= faults) throw new Error('a fault of ours');
      return super.send(...args);
    }
  }
  return { clock, stored, outlet: new FaultyOutlet(sink, 1000, clock), tries: () => tries };
}

describe('a lane that fails where it should not', () => {
  it.each([
    { of: 'its batch', position: { acknowledged: 0, waiting: [] }, wellAt: 1000 + 2000 + 4000 },
    // This is read again each time, and a read that succeeds ends the row of failures.
    { of: 'what is set aside', position: { acknowledged: 1, waiting: [1] }, wellAt: 3 * 1000 },
  ])('loses nothing of $of, says so, and does not spin', async ({ position, wellAt }) => {
    const { clock, stored, outlet, tries } = faultyOutlet(3);
    const source = new ArraySource();
    source.add(numbered(1));
    const rig = laneRig({ source, clock, outlet, position });
    rig.lane.hurry(1);
    await rig.pass(wellAt - 1);
    expect([tries(), stored]).toEqual([3, []]);
    expect(rig.told.troubles.map(({ message }) => message)).toEqual(
      range(1, 3).map(() => 'sink siem: its lane failed: a fault of ours'),
    );
    await rig.pass(1);
    expect([stored, rig.positions.position]).toEqual([[1], { acknowledged: 1, waiting: [] }]);
  });
});
