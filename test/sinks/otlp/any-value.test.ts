import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readAnyValue } from '../../../src/sinks/otlp/any-value.js';

describe('JSON for an AnyValue', () => {
  it.each([
    ['null', null],
    ['[]', []],
    ['{"a":[{"b":null}],"__proto__":1}', JSON.parse('{"a":[{"b":null}],"__proto__":1}')],
    ['9007199254740991', 9007199254740991],
    ['[-0.5,0,12.75,0.1]', [-0.5, 0, 12.75, 0.1]],
    ['0.30000000000000004', 0.30000000000000004],
    ['1e-7', 1e-7],
    ['"9007199254740993 1.0 1e5 [1.0,-0]"', '9007199254740993 1.0 1e5 [1.0,-0]'],
    ['"a \\" 1.00,1.00"', 'a " 1.00,1.00'],
  ])('%s is carried as it is', (text, value) => {
    expect(readAnyValue(text)).toEqual({ text, value, exact: true });
  });

  it.each([
    ['1.0', 1],
    ['{"a":12.50}', { a: 12.5 }],
    ['[1e3,1E-2]', [1000, 0.01]],
    ['-0', -0],
    ['[-0.0]', [-0]],
    [' [ 1.0 ] ', [1]],
  ])('%s keeps its value, and is told from what would be printed', (text, value) => {
    expect(readAnyValue(text)).toEqual({ text, value, exact: false });
  });

  it.each([
    ['9007199254740992', '9007199254740992'],
    ['9007199254740993', '9007199254740993'],
    ['{"a":[-12345678901234567890.10]}', { a: ['-12345678901234567890.10'] }],
    ['1e400', '1e400'],
    ['1e+300', '1e+300'],
    ['1e-400', '1e-400'],
    ['0.12345678901234567890', '0.12345678901234567890'],
    ['{"s":"1e400","n":1e400}', { s: '1e400', n: '1e400' }],
  ])('%s, which no double or no integer of 53 bits holds, travels as text', (text, value) => {
    expect(readAnyValue(text)).toEqual({ text, value, exact: false });
  });

  it('tells half a character, which UTF-8 cannot carry', () => {
    expect(readAnyValue('"\\ud800"').exact).toBe(false);
  });

  it('carries every value that JSON.stringify prints, and knows when it is exact', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const { value, exact } = readAnyValue(text);
        if (exact) expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)));
        if (!/[\d.]{16}|\de|-0|\\ud/i.test(text)) expect(exact).toBe(true);
      }),
    );
  });

  it('never takes a number for exact that JavaScript prints otherwise', () => {
    const digits = fc.stringMatching(/^\d{1,20}$/);
    const fraction = fc.oneof(
      fc.constant(''),
      digits.map((text) => `.${text}`),
    );
    const exponent = fc.constantFrom('', 'e5', 'E-3', 'e+20', 'e400');
    fc.assert(
      fc.property(fc.boolean(), digits, fraction, exponent, (minus, whole, part, power) => {
        const number = `${minus ? '-' : ''}${whole.replace(/^0+(?=\d)/, '')}${part}${power}`;
        const { value, exact } = readAnyValue(`{"a":[${number}]}`);
        const [read] = (value as { a: [unknown] }).a;
        if (typeof read === 'string') expect(read).toBe(number);
        else expect(read).toBe(Number(number));
        expect(exact).toBe(typeof read === 'number' && String(read) === number);
      }),
    );
  });
});
