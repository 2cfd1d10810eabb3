import { describe, expect, it } from '@jest/globals';
import { type HeaderRules, requireHeaders } from '../../src/http/headers.js';

const headersOf = (headers: unknown, rules?: HeaderRules) =>
  requireHeaders('webhookSink.headers', headers, rules);

describe('headers', () => {
  it('have defaults, which an own one replaces whatever its case', () => {
    const defaults = { 'content-type': 'application/json' };
    expect(headersOf(undefined, { defaults }).fixed).toEqual([
      ['user-agent', 'otel-audit'],
      ['content-type', 'application/json'],
    ]);
    const own = { 'Content-Type': 'application/x', 'USER-AGENT': () => 'mine' };
    const { fixed, made } = headersOf(own, { defaults });
    expect(fixed).toEqual([['content-type', 'application/x']]);
    expect(made.map(([name]) => name)).toEqual(['user-agent']);
  });

  it.each([
    ['a: b', 'must be an object, header by name, not "a: b"'],
    [[['a', 'b']], 'must be an object, header by name, not an array'],
    [null, 'must be an object, header by name, not null'],
    [{ 'a b': 'x' }, 'has "a…", which is no name of a header'],
    [{ 'a\r\nb': 'x' }, 'has "a…", which is no name of a header'],
    [{ '': 'x' }, 'has "…", which is no name of a header'],
    // A secret whose blank behind the colon was forgotten.
    [{ 'Authorization:s3cret': '' }, 'has "Authorization…", which is no name of a header'],
    [{ 'Content-Length': '1' }, 'has "Content-Length", which belongs to the connection'],
    [{ 'Webhook-Id': '1' }, 'has "Webhook-Id", which the sink sets itself'],
    [{ a: 'x', A: 'y' }, 'has "a" twice'],
  ])('%p are refused by name', (headers, fault) => {
    expect(() => headersOf(headers, { reserved: ['webhook-id'] })).toThrow(
      `webhookSink.headers ${fault}`,
    );
  });

  it.each(['s3cret\n', 's3cret\u0000', 's3cret…', 7, undefined, ['s3cret']])(
    'with the value %p are refused without it',
    (value) => {
      let message = '';
      try {
        headersOf({ authorization: value });
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(/^webhookSink\.headers\["authorization"\] must be a string of/);
      expect(message).not.toContain('s3cret');
    },
  );

  it('take what is in the object itself and nothing of its prototype', () => {
    const headers = Object.create(
      { 'x-inherited': 'no' },
      { 'x-own': { value: 'yes', enumerable: true } },
    );
    expect(headersOf(headers).fixed).toEqual([
      ['user-agent', 'otel-audit'],
      ['x-own', 'yes'],
    ]);
  });
});
