import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonSource, readNumber } from '../../../src/sinks/kafka/json-source.js';

const integers = fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9]\d{0,17}$/));
const fractions = fc.oneof(fc.constant(''), fc.stringMatching(/^\.0{0,9}\d{1,9}$/));
const exponents = fc.oneof(fc.constant(''), fc.stringMatching(/^[eE][+-]?\d{1,2}$/));
const tokens = fc
  .tuple(fc.constantFrom('', '-'), integers, fractions, exponents)
  .map((parts) => parts.join(''));
const doubles = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => `${value}`);

it('reads every number as JavaScript does, and knows whether JavaScript prints it so', () => {
  const source = new JsonSource();
  fc.assert(
    fc.property(fc.oneof(tokens, doubles), (token) => {
      source.open(`${token},`);
      const { value, exact, held } = readNumber(source);
      expect(value).toBe(Number(token));
      expect([token, exact]).toEqual([token, String(Number(token)) === token]);
      expect(source.at).toBe(token.length);
      const digits = token
        .replace(/[eE].*/, '')
        .replace(/\D/g, '')
        .replace(/^0+/, '');
      if (digits.length <= 15 && Number.isFinite(value) && !/e/i.test(token))
        expect(held).toBe(true);
    }),
    { numRuns: 20_000 },
  );
});
