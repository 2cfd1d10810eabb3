import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { faultOfError, parseRetryAfter, textOfError } from '../../src/http/outcome.js';
import { quote } from '../../src/http/quote.js';

const now = Date.UTC(2026, 0, 31, 12);

describe('Retry-After', () => {
  it.each([
    ['1', 1000],
    [' 30 ', 30_000],
    ['3601', 3_600_000],
    ['99999999999999999999', 3_600_000],
    ['Sat, 31 Jan 2026 12:00:10 GMT', 10_000],
    ['Saturday, 31-Jan-26 12:00:10 GMT', 10_000],
    ['Sat Jan 31 12:00:10 2026', 10_000],
    ['Sun, 01 Feb 2026 12:00:00 GMT', 3_600_000],
  ])('%p is heeded', (value, ms) => {
    expect(parseRetryAfter(value, now)).toBe(ms);
    expect(parseRetryAfter([value, '7'], now)).toBe(ms);
  });

  it.each([undefined, '', '0', '-5', '1.5', '1e3', 'soon', '2026-01-31T13:00:00Z', 'Sat', []])(
    '%p asks for nothing',
    (value) => {
      expect(parseRetryAfter(value, now)).toBeUndefined();
    },
  );

  it('of a time that is past asks for nothing', () => {
    expect(parseRetryAfter('Sat, 31 Jan 2026 11:59:59 GMT', now)).toBeUndefined();
  });

  it('is a wait within the hour or none, whatever is said', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseRetryAfter(text, now);
        expect(ms === undefined || (ms > 0 && ms <= 3_600_000)).toBe(true);
      }),
    );
  });
});

describe('an error of the connection', () => {
  const withCode = (code: string, cause?: unknown) =>
    Object.assign(new Error('no', { cause }), { code });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_SOCKET', 'ERR_TLS_HANDSHAKE_TIMEOUT', 'HPE_X'])(
    '%s passes',
    (code) => expect(faultOfError(withCode(code))).toBe('transient'),
  );

  it.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'UND_ERR_INVALID_ARG',
  ])('%s lasts, also as the cause of another', (code) => {
    expect(faultOfError(withCode(code))).toBe('sink');
    expect(faultOfError(new Error('x', { cause: withCode(code) }))).toBe('sink');
  });

  it('may be anything, and lead to itself', () => {
    const circle = withCode('X');
    circle.cause = circle;
    for (const error of [circle, undefined, null, 'x', 7]) {
      expect(faultOfError(error)).toBe('transient');
    }
  });

  it('is told by what it gathers, its message or its code', () => {
    expect(textOfError(new AggregateError([new Error('a'), new Error('b')]))).toBe('a; b');
    expect(textOfError(Object.assign(new Error(''), { code: 'ECONNRESET' }))).toBe('ECONNRESET');
    expect(textOfError('plain')).toBe('plain');
  });
});

describe('a quotation', () => {
  it('is one short line without secrets, whatever is said', () => {
    const secret = fc.string({ minLength: 4 }).filter((text) => !'***…\\u{}'.includes(text));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), secret, fc.string(), (before, hidden, after) => {
        const quoted = quote(`${before}${hidden}${after}${hidden}`, [hidden]);
        expect(quoted).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
        expect(quoted.isWellFormed()).toBe(true);
        expect(quote('x'.repeat(199) + hidden, [hidden])).not.toContain(hidden);
      }),
    );
  });

  it('masks what is written as JSON or percent-encoded too', () => {
    const secret = 'a"b c/d';
    const said = `${secret} ${JSON.stringify(secret)} ${encodeURIComponent(secret)}`;
    expect(quote(said, [secret])).toBe('*** "***" ***');
  });

  it('is cut before the secret could be halved', () => {
    expect(quote(`${'x'.repeat(197)}secret-token`, ['secret-token'])).toBe(`${'x'.repeat(197)}***`);
  });

  it('is not cut within a character', () => {
    expect(quote(`${'x'.repeat(199)}🎉 and more`, []).isWellFormed()).toBe(true);
  });

  it('reads bytes that are no UTF-8', () => {
    expect(quote(Buffer.from([0x61, 0xff, 0x62]), [])).toBe('a\ufffdb');
  });
});
