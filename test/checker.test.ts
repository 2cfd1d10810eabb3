import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Checker, type CheckerOptions, NoOpChecker } from '../src/checker.js';
import { AuditError } from '../src/errors.js';

const NOUNS = [
  'flag',
  'segment',
  'variant',
  'constraint',
  'rule',
  'distribution',
  'namespace',
  'rollout',
  'token',
];
const VERBS = ['created', 'updated', 'deleted'];
const ALL = NOUNS.flatMap((noun) => VERBS.map((verb) => `${noun}:${verb}`));

function refusal(make: () => unknown): string {
  return refusedWith(make).message;
}

function refusedWith(make: () => unknown): AuditError {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(AuditError);
    expect((error as AuditError).code).toBe('invalid-option');
    return error as AuditError;
  }
  throw new Error('it was accepted');
}

describe("a checker with Flipt's words", () => {
  it.each([
    [['*:*'], ALL],
    [['flag:*'], ['flag:created', 'flag:updated', 'flag:deleted']],
    [['*:created'], NOUNS.map((noun) => `${noun}:created`)],
    [['flag:created'], ['flag:created']],
    [
      ['flag:created', 'rule:*'],
      ['flag:created', 'rule:created', 'rule:updated', 'rule:deleted'],
    ],
    [ALL, ALL],
  ])('expands %j', (pairs, expected) => {
    const checker = new Checker(pairs);
    expect(checker.events().toSorted()).toEqual(expected.toSorted());
    for (const pair of ALL) expect(checker.check(pair)).toBe(expected.includes(pair));
  });

  it.each([
    [[], 'no event pairs exist'],
    [['flag'], 'invalid event pair: flag'],
    [['*'], 'invalid event pair: *'],
    [[''], 'invalid event pair: '],
    [['flagger:created'], 'invalid noun: flagger'],
    [[':created'], 'invalid noun: '],
    [['flag:read'], 'invalid verb: read'],
    [['flag:'], 'invalid verb: '],
    [['Flag:created'], 'invalid noun: Flag'],
    [['flag:created', 'flag:created'], 'repeated event pair: flag:created'],
    [['*:created', 'flag:created'], 'repeated event pair: flag:created'],
    [['flag:created', '*:created'], 'repeated event pair: flag:created'],
    [['*:*', 'flag:*'], 'repeated event pair: flag:created'],
    [['flag:created', 'flag:created:x'], 'repeated event pair: flag:created'],
    [['__proto__:created'], 'invalid noun: __proto__'],
    [['constructor:created'], 'invalid noun: constructor'],
    [['flag:toString'], 'invalid verb: toString'],
  ])('refuses %j', (pairs, message) => {
    expect(refusal(() => new Checker(pairs))).toBe(message);
  });

  it('says in the cause which words there are, and how to have others', () => {
    expect(refusedWith(() => new Checker(['invoice:*'])).cause).toBe(
      `the nouns are ${NOUNS.join(', ')}; the option nouns sets others`,
    );
    expect(refusedWith(() => new Checker(['flag:read'])).cause).toBe(
      'the verbs are created, updated, deleted; the option verbs sets others',
    );
  });

  it('ignores what follows a second colon', () => {
    expect(new Checker(['flag:created:x']).events()).toEqual(['flag:created']);
  });

  it('looks a pair up exactly', () => {
    const checker = new Checker(['*:*']);
    for (const pair of [
      '',
      'flag',
      'flag:',
      ':created',
      '*:*',
      'flag:*',
      'flag:created:x',
      'FLAG:created',
      'flag:read',
      '__proto__:created',
      'constructor',
    ]) {
      expect(checker.check(pair)).toBe(false);
    }
  });

  it('hands out a list that is the caller’s to change', () => {
    const checker = new Checker(['flag:created']);
    checker.events().push('rule:created');
    expect(checker.events()).toEqual(['flag:created']);
  });
});

describe('a checker with words of its own', () => {
  it('knows these and no others', () => {
    const words = { nouns: ['invoice', '__proto__'], verbs: ['paid', 'refunded'] };
    expect(new Checker(['*:paid'], words).events()).toEqual(['invoice:paid', '__proto__:paid']);
    expect(new Checker(['__proto__:*'], words).check('__proto__:refunded')).toBe(true);
    expect(refusal(() => new Checker(['flag:paid'], words))).toBe('invalid noun: flag');
    expect(refusal(() => new Checker(['invoice:created'], words))).toBe('invalid verb: created');
  });

  it.each([
    ['nouns', []],
    ['nouns', ['']],
    ['nouns', ['a:b']],
    ['verbs', ['*']],
    ['verbs', 'all'],
    ['verbs', [5]],
  ])('refuses %s %j by name', (option, words) => {
    const options = { [option]: words as string[] };
    expect(refusal(() => new Checker(['*:*'], options))).toMatch(new RegExp(`^${option} must`));
  });

  it.each([
    [{ noun: ['invoice'] }, 'Checker has no option "noun"; it takes nouns and verbs'],
    [{ nouns: ['invoice'], Verbs: 'any' }, 'Checker has no option "Verbs"'],
    ['any', 'Checker has no option "any"'],
    [null, 'Checker has no option "null"'],
  ])('refuses the options %j by name', (options, message) => {
    expect(refusal(() => new Checker(['*:*'], options as CheckerOptions))).toContain(message);
  });

  it('takes a member that is undefined as one that is absent', () => {
    const options = { nouns: undefined, verbs: undefined };
    expect(new Checker(['*:*'], options).events()).toEqual(ALL);
  });

  it('expands to just the pairs of its vocabulary for which check is true', () => {
    const half = (words: readonly string[]) => fc.constantFrom('*', ...words);
    const pairs = fc.array(
      fc.tuple(half(NOUNS), half(VERBS)).map(([noun, verb]) => `${noun}:${verb}`),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(pairs, (given) => {
        let checker: Checker;
        try {
          checker = new Checker(given);
        } catch (error) {
          expect((error as Error).message).toMatch(/^repeated event pair: /);
          return;
        }
        expect(checker.events().toSorted()).toEqual(
          ALL.filter((pair) => checker.check(pair)).toSorted(),
        );
        const fits = (pair: string) =>
          given.some((pattern) => new RegExp(`^${pattern.replaceAll('*', '[a-z]+')}$`).test(pair));
        expect(checker.events().toSorted()).toEqual(ALL.filter(fits).toSorted());
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a checker with the vocabulary 'any'", () => {
  const any = { nouns: 'any', verbs: 'any' } as const;

  it.each([
    [['*:*'], ['flag:created', 'x:y', '__proto__:constructor'], ['', 'x', ':y', 'x:']],
    [['invoice:*'], ['invoice:paid'], ['flag:paid', 'invoice:', 'invoice']],
    [['*:paid'], ['invoice:paid', 'order:paid'], ['invoice:created', ':paid']],
    [['invoice:paid'], ['invoice:paid'], ['invoice:created', 'order:paid']],
    [['__proto__:*'], ['__proto__:x'], ['constructor:x']],
    [['a:b', 'c:*'], ['a:b', 'c:d'], ['a:d']],
  ])('%j', (pairs, passing, others) => {
    const checker = new Checker(pairs, any);
    for (const pair of passing) expect([pair, checker.check(pair)]).toEqual([pair, true]);
    for (const pair of others) expect([pair, checker.check(pair)]).toEqual([pair, false]);
    expect(checker.events()).toEqual(pairs);
  });

  it.each([
    [['*:*', 'a:b'], 'a:b'],
    [['a:b', '*:*'], 'a:b'],
    [['a:*', '*:b'], 'a:b'],
    [['a:*', 'a:*'], 'a:*'],
    [['*:b', 'a:b'], 'a:b'],
    [['*:*', '*:b'], '*:b'],
  ])('refuses the overlap in %j', (pairs, repeated) => {
    expect(refusal(() => new Checker(pairs, any))).toBe(`repeated event pair: ${repeated}`);
  });

  it('refuses empty words', () => {
    expect(refusal(() => new Checker([':b'], any))).toBe('invalid noun: ');
    expect(refusal(() => new Checker(['a:'], any))).toBe('invalid verb: ');
    expect(refusal(() => new Checker(['a'], any))).toBe('invalid event pair: a');
  });

  it('may be open on one side only', () => {
    const nouns = new Checker(['*:created'], { nouns: 'any' });
    expect(nouns.check('invoice:created')).toBe(true);
    expect(nouns.check('invoice:paid')).toBe(false);
    expect(refusal(() => new Checker(['x:paid'], { nouns: 'any' }))).toBe('invalid verb: paid');
    const verbs = new Checker(['flag:*'], { verbs: 'any' });
    expect(verbs.check('flag:toggled')).toBe(true);
    expect(verbs.check('rule:toggled')).toBe(false);
    expect(refusal(() => new Checker(['x:paid'], { verbs: 'any' }))).toBe('invalid noun: x');
  });
});

describe('a checker that lets nothing pass', () => {
  it('checks false and lists nothing', () => {
    const checker = new NoOpChecker();
    for (const pair of [...ALL, '*:*', '']) expect(checker.check(pair)).toBe(false);
    expect(checker.events()).toEqual([]);
  });
});
