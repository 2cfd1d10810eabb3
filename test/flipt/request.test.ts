import { describe, expect, it } from '@jest/globals';
import { Checker } from '../../src/checker.js';
import { eventToJson } from '../../src/event/json.js';
import {
  actorFromAuthentication,
  eventFromRequest,
  FLIPT_NOUNS,
  FLIPT_VERBS,
  type FliptRequest,
} from '../../src/flipt/index.js';

describe('the event of a request', () => {
  it.each<[FliptRequest, string, string]>([
    [{ resource: 'flag', subject: 'variant', action: 'create' }, 'variant', 'created'],
    [{ resource: 'segment', subject: 'constraint', action: 'update' }, 'constraint', 'updated'],
    [{ resource: 'namespace', action: 'delete' }, 'namespace', 'deleted'],
    [{ resource: 'namespace', subject: '', action: 'delete' }, 'namespace', 'deleted'],
    [{ resource: 'authentication', subject: 'token', action: 'create' }, 'token', 'created'],
    [{ resource: 'flag', action: 'read' }, 'flag', 'read'],
    [{ resource: 'flag', action: 'evaluate' as 'read' }, 'flag', 'read'],
    [{ resource: 'flag', action: 'constructor' as 'read' }, 'flag', 'read'],
  ])('%j is %s:%s', (request, type, action) => {
    expect(eventFromRequest(request)).toMatchObject({ type, action, status: 'success' });
  });

  it('has the request’s status, the actor and the payload', () => {
    const event = eventFromRequest(
      { resource: 'flag', subject: 'flag', action: 'create', status: 'denied', namespace: 'n' },
      { authentication: 'token', ip: '127.0.0.1' },
      { key: 'f' },
    );
    expect(eventToJson({ ...event, timestamp: 'T' })).toBe(
      '{"version":"0.2","type":"flag","action":"created","metadata":{"actor":{"authentication":"token","ip":"127.0.0.1"}},"payload":{"key":"f"},"timestamp":"T","status":"denied"}',
    );
  });

  it('names what it cannot be made of', () => {
    const request = { resource: '', action: 'create' } as unknown as FliptRequest;
    expect(() => eventFromRequest(request)).toThrow('type must not be empty');
  });
});

describe('the nouns and verbs', () => {
  it('are those of the checker', () => {
    const pairs = FLIPT_NOUNS.flatMap((noun) => FLIPT_VERBS.map((verb) => `${noun}:${verb}`));
    expect(pairs).toHaveLength(27);
    expect(new Checker(['*:*']).events()).toEqual(pairs);
  });
});

describe('the actor of an authentication', () => {
  const metadata = (method: string) => ({
    [`io.flipt.auth.${method}.email`]: 'ada@example.com',
    [`io.flipt.auth.${method}.name`]: 'Ada',
    [`io.flipt.auth.${method}.picture`]: 'p',
  });
  const named = { email: 'ada@example.com', name: 'Ada', picture: 'p' };

  it.each<[number, string, object]>([
    [0, 'none', {}],
    [1, 'token', {}],
    [2, 'oidc', named],
    [3, 'kubernetes', {}],
    [4, 'github', named],
    [5, 'jwt', named],
    [6, 'cloud', {}],
  ])('of method %d is %s', (method, authentication, more) => {
    expect(
      actorFromAuthentication({ method, metadata: metadata(authentication) }, '127.0.0.1'),
    ).toEqual({ authentication, ip: '127.0.0.1', ...more });
  });

  it('is called none where there is no authentication', () => {
    expect(actorFromAuthentication(undefined)).toEqual({ authentication: 'none' });
    expect(actorFromAuthentication(null, '::1')).toEqual({ authentication: 'none', ip: '::1' });
  });

  it('goes by the general names first', () => {
    const found = actorFromAuthentication({
      method: 'METHOD_JWT',
      metadata: { ...metadata('jwt'), 'io.flipt.auth.email': 'first@example.com' },
    });
    expect(found).toEqual({ authentication: 'jwt', ...named, email: 'first@example.com' });
  });
});
