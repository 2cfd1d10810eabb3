// `check` of a closed vocabulary against a bare `Set.has` on the same strings.
import { Checker } from 'otel-audit';
import { Goal, measure, nanosEach, ratios } from './harness.mjs';

export async function checker({ rounds, scale }) {
  const count = Math.round(3_000_000 * scale);
  const subject = new Checker(['flag:*', 'segment:created', 'rule:deleted']);
  const bare = new Set(subject.events());
  const asked = ['flag:created', 'flag:deleted', 'token:created', 'rule:deleted', 'rule:updated'];
  let passed = 0;
  const times = await measure(
    {
      ours: () =>
        nanosEach(count, () => {
          for (let n = 0; n < count; n += 1) if (subject.check(asked[n % 5])) passed += 1;
        }),
      bare: () =>
        nanosEach(count, () => {
          for (let n = 0; n < count; n += 1) if (bare.has(asked[n % 5])) passed += 1;
        }),
    },
    rounds,
  );
  if (passed === 0) throw new Error('nothing passed');
  return [new Goal('check, time against Set.has', ratios(times.ours, times.bare), { atMost: 2.5 })];
}
