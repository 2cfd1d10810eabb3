import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { AuditConfigError } from '../../src/config/fault.js';
import { type Loaded, loadConfig } from '../../src/config/load.js';
import { planAudit } from '../../src/config/plan.js';
import { readConfigFile } from '../../src/config/reading.js';
import { randomConfig } from './random-config.js';
import { configRig } from './support.js';

const rig = configRig();
const load = (given: unknown, strict = false): Loaded => loadConfig(given, { env: {}, strict });

/** What is read stands for itself: no expression may be seen in it. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replaceAll(/\$+(?=\{[^{}]*\})/g, (dollars) => `$${dollars}`);
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, escaped(one)]));
}

describe('the loader', () => {
  it.each([false, true])('never throws, whatever it is given (strict: %p)', (strict) => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything({ withNullPrototype: true, withDate: true, withMap: true }),
          randomConfig(100),
        ),
        (given) => {
          const { faults } = load(given, strict);
          for (const { path, message } of faults) {
            expect(path + message).not.toMatch(/[\n\r]/);
            expect(message).not.toMatch(/undefined|\[object|Invalid input/);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('does not stumble over members of a name that every object has', () => {
    const odd = JSON.parse(
      '{"toString":1,"valueOf":2,"constructor":3,"__proto__":{"enabled":true}}',
    );
    for (const audit of [odd, { sinks: odd }, { sinks: { log: { enabled: odd, file: odd } } }]) {
      expect(load({ audit }).faults).not.toEqual([]);
    }
  });

  it('leads to a plan or to an AuditConfigError', async () => {
    const options = { origin: 'x', isFile: true, env: {}, taken: [] };
    await fc.assert(
      fc.asyncProperty(randomConfig(15), fc.boolean(), async (given, strict) => {
        try {
          const plan = await planAudit(given, { ...options, strict });
          await plan.close();
        } catch (error) {
          if (!(error instanceof AuditConfigError)) throw error;
          expect(error.faults.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('reads again what it has read, from YAML and from JSON alike', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(randomConfig(0), async (given) => {
        const { settings, faults } = load(given);
        if (faults.length > 0) return;
        accepted += 1;
        const plain = escaped(settings);
        for (const [name, text] of [
          ['again.yaml', stringify(plain)],
          ['again.json', JSON.stringify(plain)],
        ] as const) {
          const again = load(await readConfigFile(rig.write(name, text)));
          expect(again.faults).toEqual([]);
          expect(JSON.stringify(again.settings)).toBe(JSON.stringify(settings));
        }
      }),
      { numRuns: 200 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it('tells the same faults whichever order the keys have', () => {
    fc.assert(
      fc.property(randomConfig(60), (given) => {
        const told = (one: unknown) =>
          load(one)
            .faults.map(({ path, message }) => `${path} ${message}`)
            .sort();
        expect(told(reversed(given))).toEqual(told(given));
      }),
      { numRuns: 200 },
    );
  });
});

/** The same with every object's keys the other way round; what is not plain stays. */
function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, one]) => [key, reversed(one)]));
}
