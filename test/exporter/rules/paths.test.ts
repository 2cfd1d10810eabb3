import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { comparablePath, mayBegin } from '../../../src/exporter/rules/paths.js';

const paths = fc
  .array(
    fc.constantFrom('/', '//', 'a', 'B', 'flags', '%61', '%2F', '%', 'é', '%C3%A9', '-', '1', '*'),
    {
      maxLength: 6,
    },
  )
  .map((parts) => `/${parts.join('')}`);

describe('the comparable form of a path', () => {
  it.each([
    ['/', '/'],
    ['/flags', '/flags'],
    ['/Flags/', '/flags'],
    ['//flags///a', '/flags/a'],
    ['/%46lags', '/flags'],
    ['/a%2Fb', '/a%2fb'],
    ['/%', '/%'],
    ['/%E0%A4%A', '/%e0%a4%a'],
    ['//', '/'],
    ['*', '*'],
    ['', ''],
  ])('of %j is %j', (path, form) => {
    expect(comparablePath(path)).toBe(form);
  });

  it('is its own, but for what is encoded twice', () => {
    fc.assert(
      fc.property(paths, (path) => {
        const form = comparablePath(path);
        expect(form).toMatch(/^[^A-Z]*$/);
        expect(form).not.toContain('//');
        if (form !== '/') expect(form.endsWith('/')).toBe(false);
        if (!form.includes('%')) expect(comparablePath(form)).toBe(form);
      }),
    );
  });

  it('never begins as its path may not', () => {
    fc.assert(
      fc.property(paths, paths, (path, other) => {
        const beginning = comparablePath(other);
        if (comparablePath(path).startsWith(beginning)) {
          expect(mayBegin(path, beginning)).toBe(true);
        }
        expect(mayBegin(path, comparablePath(path))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});
