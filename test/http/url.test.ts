import { describe, expect, it } from '@jest/globals';
import { AuditError } from '../../src/errors.js';
import { requireUrl } from '../../src/http/url.js';

const urlOf = (value: unknown) => requireUrl('webhookSink.url', value);

function refusal(value: unknown): string {
  try {
    urlOf(value);
  } catch (error) {
    expect(error).toBeInstanceOf(AuditError);
    expect((error as AuditError).code).toBe('invalid-option');
    return (error as AuditError).message;
  }
  throw new Error('accepted');
}

describe('a URL', () => {
  it('is taken apart into origin and path', () => {
    expect(urlOf('https://SIEM.example:443/a/b?c=d#e')).toMatchObject({
      origin: 'https://siem.example',
      path: '/a/b?c=d',
    });
    expect(urlOf(new URL('http://[::1]:8080'))).toMatchObject({
      origin: 'http://[::1]:8080',
      path: '/',
    });
    expect(urlOf('http://h/ü x').path).toBe('/%C3%BC%20x');
  });

  it('gives its credentials up to a header', () => {
    const { origin, path, authorization } = urlOf('https://u:p%40w@h/x');
    expect({ origin, path }).toEqual({ origin: 'https://h', path: '/x' });
    expect(authorization).toBe(`Basic ${Buffer.from('u:p@w').toString('base64')}`);
    expect(urlOf('https://h').authorization).toBeUndefined();
  });

  it.each([
    [undefined, 'not undefined'],
    ['', 'not ""'],
    [7, 'not 7'],
    [{}, 'not an object'],
    ['siem.example/hook', 'not "siem.example/…"'],
    ['ftp://u:secret@h/x', 'not one that begins with ftp:'],
    ['localhost:3000/secret', 'not one that begins with localhost:'],
    ['https://', 'not "https://"'],
    ['https://u:secret@h:99999/secret?t=secret', 'not "https://h:99999/…"'],
    ['u:se/cret@host name/secret', 'not one that begins with u:'],
    ['//u:secret@host/x', 'not "host/…"'],
  ])('%p is refused, nothing of it told that may be secret', (value, end) => {
    const message = refusal(value);
    expect(message).toBe(`webhookSink.url must be an http or https URL, ${end}`);
  });

  it('is refused for credentials that cannot be decoded', () => {
    expect(refusal('https://u:secret%zz@h')).toBe(
      'webhookSink.url has credentials that are not percent-encoded as they should be',
    );
  });
});
