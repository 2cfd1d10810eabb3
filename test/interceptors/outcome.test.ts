import { describe, expect, it } from '@jest/globals';
import { errorName, isDenial } from '../../src/interceptors/outcome.js';

class PaymentDeclined extends Error {}
const named = (name: unknown) => Object.assign(new Error('x'), { name });
const unreadable = new Proxy(
  {},
  {
    get() {
      throw new Error('no');
    },
  },
);

describe('isDenial', () => {
  it.each<[string, unknown]>([
    ['HTTP 401 as status', { status: 401 }],
    ['HTTP 403 as statusCode', Object.assign(new Error('x'), { statusCode: 403 })],
    ['gRPC PERMISSION_DENIED', Object.assign(new Error('x'), { code: 7, details: 'no' })],
    ['gRPC UNAUTHENTICATED', { code: 16 }],
    ['tRPC', { code: 'FORBIDDEN' }],
    ['GraphQL', { extensions: { code: 'UNAUTHENTICATED' } }],
    ['a ForbiddenError', named('ForbiddenError')],
    ['an UnauthorizedException', named('UnauthorizedException')],
    ['AccessDenied', named('AccessDenied')],
    ['a class that says it', new (class ForbiddenError extends Error {})('x')],
  ])('knows %s', (_, thrown) => {
    expect(isDenial(thrown)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['an Error', new Error('forbidden')],
    ['HTTP 404', { status: 404 }],
    ['HTTP 403 as a text', { status: '403' }],
    ['gRPC INTERNAL', { code: 13 }],
    ['a refusal of the file system', Object.assign(new Error('x'), { code: 'EACCES' })],
    ['a DOMException with such a number', new DOMException('x', 'NoModificationAllowedError')],
    ['a name that only begins so', named('ForbiddenFruitError')],
    ['a name that is no text', named(403)],
    ['nothing', undefined],
    ['null', null],
    ['a text', 'ForbiddenError'],
    ['what cannot be read', unreadable],
  ])('does not take %s for one', (_, thrown) => {
    expect(isDenial(thrown)).toBe(false);
  });
});

describe('errorName', () => {
  it.each<[string, unknown, string]>([
    ['an error of a class of its own name', new TypeError('x'), 'TypeError'],
    ['an Error', new Error('x'), 'Error'],
    ['a subclass that set no name', new PaymentDeclined('x'), 'PaymentDeclined'],
    ['an error that was given one', named('Declined'), 'Declined'],
    ['an error of the name of nothing', named(''), 'Error'],
    ['an error whose name is no text', named(7), 'Error'],
    ['a plain object', { message: 'x' }, 'Object'],
    ['an object of no class', Object.create(null), 'object'],
    ['a text', 'secret', 'string'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'object'],
    ['what cannot be read', unreadable, 'object'],
  ])('of %s', (_, thrown, name) => {
    expect(errorName(thrown)).toBe(name);
  });

  it('is bounded', () => {
    expect(errorName(named('x'.repeat(1000)))).toHaveLength(256);
  });
});
