import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { globTest } from '../../../src/exporter/rules/glob.js';

/** The same by a regular expression, for texts too short to make it go back for long. */
function byRegExp(pattern: string): (text: string) => boolean {
  const source = pattern.replace(/\*\*?|[^*]/gs, (token) => {
    if (token === '**') return '[^]*';
    if (token === '*') return '[^/]*';
    return token.replace(/[\\^$.|?+()[\]{}/]/, '\\$&');
  });
  return (text) => new RegExp(`^${source}$`).test(text);
}

describe('a pattern', () => {
  it.each<[string, string, boolean]>([
    ['/flags/*', '/flags/a', true],
    ['/flags/*', '/flags/', true],
    ['/flags/*', '/flags', false],
    ['/flags/*', '/flags/a/rules', false],
    ['/flags/**', '/flags/a/rules', true],
    ['/*/flags/**/rules', '/v1/flags/a/b/rules', true],
    ['**Flag', 'CreateFlag', true],
    ['Create*', 'CreateFlag', true],
    ['Create*', 'create', false],
    ['a.c', 'abc', false],
    ['*', '', true],
    ['a', 'a\n', false],
    ['**', 'a\nb', true],
  ])('%s on %j: %s', (pattern, text, does) => {
    expect(globTest(pattern)(text)).toBe(does);
  });

  it('says what a regular expression says', () => {
    const letters = (...from: string[]) =>
      fc.array(fc.constantFrom(...from), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        letters('*', '**', '/', 'a', 'b', '.'),
        letters('/', 'a', 'b', '.'),
        (pattern, text) => {
          expect(globTest(pattern)(text)).toBe(byRegExp(pattern)(text));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('looks at each character of a hostile text a bounded number of times', () => {
    const text = 'a'.repeat(16_384);
    let looked = 0;
    const watched = new Proxy(Object(text), {
      get(target, key) {
        if (key === 'length') return text.length;
        if (key === 'startsWith') return () => true;
        looked += 1;
        return Reflect.get(target, key);
      },
    });
    expect(globTest('*a*a*a*a*a*a*a*b')(watched)).toBe(false);
    expect(looked).toBe(text.length);
  });
});
