import { describe, expect, it } from '@jest/globals';
import { type Attributes, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { AuditError } from '../../src/errors.js';
import { RULES, type SpanRule, spanRules } from '../../src/exporter/rules.js';
import type { ReadableSpan } from '../../src/exporter/span.js';
import { diagLog } from '../support/diag-log.js';
import { spanId, spanOf, traceId } from '../support/exporter-rig.js';

type More = Partial<ReadableSpan>;
const serverSpan = (attributes: Attributes, more: More = {}): ReadableSpan => ({
  ...spanOf([]),
  name: 'POST /flags',
  kind: SpanKind.SERVER,
  attributes,
  status: { code: SpanStatusCode.UNSET },
  endTime: [1_769_860_800, 123_456_789],
  ...more,
});

const POST = { 'http.request.method': 'POST', 'http.route': '/flags' };
const created: SpanRule = { match: POST, type: 'flag', action: 'created' };
const eventsOf = (rules: readonly SpanRule[], span: ReadableSpan) => spanRules(rules)[RULES](span);
const pairsOf = (rules: readonly SpanRule[], span: ReadableSpan) =>
  eventsOf(rules, span)?.map(({ type, action, status }) => `${type}:${action} ${status}`);
const matching = (match: SpanRule['match'], attributes: Attributes, more: Partial<SpanRule> = {}) =>
  eventsOf([{ ...created, match, kind: 'server', ...more }], serverSpan(attributes)) !== undefined;

describe('a rule', () => {
  const diagnostics = diagLog();

  it('makes an event of a span that has every attribute it names', () => {
    const attributes = { ...POST, 'enduser.id': 'ann', 'network.peer.address': '192.0.2.1' };
    const rule: SpanRule = {
      ...created,
      actor: {
        authentication: 'session',
        name: { attribute: 'enduser.id' },
        email: { attribute: 'user.email' },
        ip: { attribute: ['app.ip', 'network.peer.address'] },
      },
      payload: {
        route: { attribute: 'http.route' },
        list: [1, { attribute: 'http.method' }],
        a: null,
      },
    };
    const [event, ...more] = eventsOf([rule], serverSpan(attributes))!;
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      type: 'flag',
      action: 'created',
      status: 'success',
      metadata: { actor: { authentication: 'session', name: 'ann', ip: '192.0.2.1' } },
      payload: { route: '/flags', list: [1, 'POST'], a: null },
      timestamp: '2026-01-31T12:00:00.123Z',
    });
    expect(event!.metadata.actor).not.toHaveProperty('email');
    expect(event!.id).toMatch(new RegExp(`^${traceId}-${spanId}-rule-[0-9a-f]{16}$`));
  });

  it('gives an IPv4 address as one, as interceptors do, and any other text as it is', () => {
    const rule: SpanRule = { ...created, actor: { ip: { attribute: 'network.peer.address' } } };
    const ipOf = (address: string) =>
      eventsOf([rule], serverSpan({ ...POST, 'network.peer.address': address }))![0]!.metadata.actor
        ?.ip;
    expect(ipOf('::ffff:127.0.0.1')).toBe('127.0.0.1');
    expect(ipOf('::FFFF:7f00:1')).toBe('127.0.0.1');
    expect(ipOf('2001:DB8::1')).toBe('2001:DB8::1');
    expect(ipOf('/run/app.sock')).toBe('/run/app.sock');
  });

  it('makes none of a span that lacks one, or has another value', () => {
    expect(eventsOf([created], serverSpan({ 'http.route': '/flags' }))).toBeUndefined();
    expect(eventsOf([created], serverSpan({ ...POST, 'http.route': '/rules' }))).toBeUndefined();
    expect(eventsOf([created], serverSpan({}))).toBeUndefined();
    expect(eventsOf([], serverSpan(POST))).toBeUndefined();
  });

  it('matches a span of older semantic conventions', () => {
    const old = { 'http.method': 'POST', 'http.route': '/flags', 'http.status_code': 403 };
    expect(pairsOf([created], serverSpan(old))).toEqual(['flag:created denied']);
  });

  it.each<[string, SpanRule['match'][string], unknown, boolean]>([
    ['a text', 'a', 'a', true],
    ['a text', 'a', 'ab', false],
    ['a number', 201, 201, true],
    ['a number as a text', '201', 201, true],
    ['a truth value', true, true, true],
    ['a list', ['a', 'b'], 'b', true],
    ['a list', ['a', 'b'], 'c', false],
    ['equals', { equals: 'a' }, 'a', true],
    ['oneOf', { oneOf: ['a', 2] }, 2, true],
    ['prefix', { prefix: '/flags/' }, '/flags/a', true],
    ['prefix', { prefix: '/flags/' }, '/flags', false],
    ['pattern', { pattern: '/flags/*' }, '/flags/a', true],
    ['pattern', { pattern: '/flags/*' }, '/flags/a/b', false],
    ['exists', { exists: true }, 'a', true],
    ['exists', { exists: true }, undefined, false],
    ['exists not', { exists: false }, undefined, true],
    ['exists not', { exists: false }, 'a', false],
    ['one of an attribute that is a list', 'b', ['a', 'b'], true],
    ['the prefix of one of a list', { prefix: 'b' }, ['a', 'bc'], true],
    ['none of a list', 'c', ['a', 'b'], false],
    ['an attribute that is none', '[object Object]', {}, false],
  ])('compares by %s: %j with %j', (_, condition, value, does) => {
    expect(matching({ 'app.x': condition }, { 'app.x': value as string })).toBe(does);
    // And where the span is found by something else.
    const match = { 'app.id': 'y', 'app.x': condition };
    expect(matching(match, { 'app.id': 'y', 'app.x': value as string })).toBe(does);
  });

  it.each<[SpanRule['match'][string], string, boolean]>([
    ['/flags', '/flags', true],
    ['/flags', '/FLAGS/', true],
    ['/flags', '//flags', true],
    ['/flags', '/%66lags', true],
    ['/Flags/', '/flags', true],
    ['/flags', '/flags/a', false],
    ['/', '/', true],
    [['/rules', '/flags'], '/Flags', true],
    [{ prefix: '/Admin/' }, '/ADMIN/users', true],
    [{ prefix: '/admin/' }, '/administration', false],
    [{ prefix: '/admin' }, '/administration', true],
    [{ pattern: '/Flags/*' }, '/flags/A/', true],
    [{ pattern: '/flags/*' }, '/flags/a%2Fb', true],
    [{ pattern: '/flags/*' }, '/flags/a/b', false],
    [{ pattern: '/flags/*' }, '/flags/%', true],
  ])('finds the path by %j however a client writes it: %s', (condition, path, does) => {
    expect(matching({ 'url.path': condition }, { 'url.path': path })).toBe(does);
    expect(matching({ 'http.target': condition }, { 'http.target': `${path}?x=/y` })).toBe(does);
  });

  it('looks at the span’s name', () => {
    const rule: SpanRule = { ...created, match: {}, name: { prefix: 'POST ' } };
    expect(pairsOf([rule], serverSpan({}))).toEqual(['flag:created success']);
    expect(pairsOf([rule], serverSpan({}, { name: 'GET /flags' }))).toBeUndefined();
  });

  it('takes of HTTP and RPC the server’s spans, of databases the client’s, of others any, unless it names kinds', () => {
    const spans = [SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT].map((kind) =>
      serverSpan(
        { ...POST, 'rpc.method': 'x', 'db.operation.name': 'x', 'url.path': '/x', 'app.x': 'x' },
        { kind },
      ),
    );
    const kindsOf = (rule: Partial<SpanRule>) =>
      spans.flatMap((span) => (eventsOf([{ ...created, ...rule }], span) ? span.kind : []));
    const { INTERNAL, SERVER, CLIENT } = SpanKind;
    expect(kindsOf({})).toEqual([SERVER]);
    expect(kindsOf({ match: { 'rpc.method': 'x' } })).toEqual([SERVER]);
    expect(kindsOf({ match: { 'url.path': '/x' } })).toEqual([SERVER]);
    expect(kindsOf({ match: { 'db.operation.name': 'x' } })).toEqual([INTERNAL, CLIENT]);
    expect(kindsOf({ match: { 'app.x': 'x' } })).toEqual([INTERNAL, SERVER, CLIENT]);
    expect(kindsOf({ kind: 'client' })).toEqual([CLIENT]);
    expect(kindsOf({ kind: ['internal', 'client'] })).toEqual([INTERNAL, CLIENT]);
  });

  const OUTCOMES = ['success', 'denied', 'failed'] as const;
  it.each<[string, Attributes, More, string]>([
    ['HTTP 201', { 'http.response.status_code': 201 }, {}, 'success'],
    ['HTTP 303', { 'http.response.status_code': 303 }, {}, 'success'],
    ['HTTP 401', { 'http.response.status_code': 401 }, {}, 'denied'],
    ['HTTP 403, the old name', { 'http.status_code': 403 }, {}, 'denied'],
    ['HTTP 404', { 'http.response.status_code': 404 }, {}, 'failed'],
    ['HTTP 500', { 'http.response.status_code': 500 }, {}, 'failed'],
    ['gRPC 0', { 'rpc.grpc.status_code': 0 }, {}, 'success'],
    ['gRPC OK', { 'rpc.response.status_code': 'OK' }, {}, 'success'],
    ['gRPC 7', { 'rpc.grpc.status_code': 7 }, {}, 'denied'],
    ['gRPC UNAUTHENTICATED', { 'rpc.response.status_code': 'UNAUTHENTICATED' }, {}, 'denied'],
    ['Connect', { 'rpc.connect_rpc.error_code': 'permission_denied' }, {}, 'denied'],
    ['gRPC 13', { 'rpc.grpc.status_code': 13 }, {}, 'failed'],
    ['an error', {}, { status: { code: SpanStatusCode.ERROR } }, 'failed'],
    ['no status at all', {}, {}, 'success'],
    ['a status that is no number', { 'http.response.status_code': 'x' }, {}, 'success'],
  ])('takes %s for its outcome', (_, attributes, more, outcome) => {
    const span = serverSpan({ ...POST, ...attributes }, more);
    const rule: SpanRule = { ...created, outcomes: OUTCOMES };
    expect(pairsOf([rule], span)).toEqual([`flag:created ${outcome}`]);
    const unasked = outcome === 'failed' ? undefined : [`flag:created ${outcome}`];
    expect(pairsOf([created], span)).toEqual(unasked);
    for (const only of OUTCOMES) {
      const isRecorded = pairsOf([{ ...created, outcomes: [only] }], span) !== undefined;
      expect(isRecorded).toBe(only === outcome);
    }
  });

  it('takes type, action and status from attributes', () => {
    const rule: SpanRule = {
      match: { 'db.operation.name': { exists: true } },
      kind: 'server',
      type: { attribute: 'db.collection.name' },
      action: { attribute: 'db.operation.name' },
      status: { attribute: 'app.status' },
    };
    const span = { 'db.operation': 'INSERT', 'db.sql.table': 'flags', 'app.status': 'held' };
    expect(pairsOf([rule], serverSpan(span))).toEqual(['flags:INSERT held']);
    expect(pairsOf([{ ...rule, status: 'kept' }], serverSpan(span))).toEqual(['flags:INSERT kept']);
    const { 'app.status': _, ...without } = span;
    expect(pairsOf([rule], serverSpan(without))).toEqual(['flags:INSERT success']);
    expect(pairsOf([rule], serverSpan({ 'db.operation': 'INSERT' }))).toEqual([]);
  });

  it('takes what follows a beginning of an attribute', () => {
    const rule = (after: string): SpanRule => ({
      ...created,
      payload: { key: { attribute: 'url.path', after } },
    });
    const span = serverSpan({ ...POST, 'url.path': '/flags/a' });
    expect(eventsOf([rule('/flags/')], span)![0]!.payload).toEqual({ key: 'a' });
    expect(eventsOf([rule('/Flags/')], span)![0]!.payload).toEqual({ key: 'a' });
    expect(JSON.stringify(eventsOf([rule('/rules/')], span)![0]!.payload)).toBe('{}');
  });

  it('writes an actor’s numbers and lists as texts', () => {
    const rule: SpanRule = {
      ...created,
      actor: { name: { attribute: 'app.id' }, roles: { attribute: 'app.roles' } },
    };
    const [event] = eventsOf(
      [rule],
      serverSpan({ ...POST, 'app.id': 7, 'app.roles': ['a', 'b'] }),
    )!;
    expect(event!.metadata.actor).toEqual({ name: '7', roles: 'a, b' });
    expect(eventsOf([rule], serverSpan(POST))![0]!.metadata).toEqual({});
  });

  it('takes `__proto__` for a name', () => {
    const payload = JSON.parse('{"__proto__":{"attribute":"http.route"}}');
    const [event] = eventsOf([{ ...created, payload }], serverSpan(POST))!;
    expect(JSON.stringify(event!.payload)).toBe('{"__proto__":"/flags"}');
    expect(Object.getPrototypeOf(event!.payload)).toBe(Object.prototype);
  });

  it('says once a burst what makes no event, and goes on', () => {
    const rule: SpanRule = { ...created, action: { attribute: 'app.action' } };
    const span = serverSpan({ ...POST, 'app.action': 'a:b' });
    expect(pairsOf([rule, created], span)).toEqual(['flag:created success']);
    expect(eventsOf([rule], null as unknown as ReadableSpan)).toBeUndefined();
    expect(diagnostics.lines).toEqual([
      "error otel-audit: a rule made no event of a span: action must not contain ':', '*' or a control character",
    ]);
  });
});

describe('several rules', () => {
  const updated: SpanRule = { ...created, action: 'updated' };
  const listed: SpanRule = { match: { 'http.route': '/flags' }, type: 'flags', action: 'read' };
  const any: SpanRule = { match: { 'http.route': { prefix: '/' } }, type: 'any', action: 'read' };
  const method: SpanRule = { match: { 'http.request.method': 'POST' }, type: 'a', action: 'post' };

  it('make an event each, in their order, whatever they are found by', () => {
    const rules = [any, updated, method, listed, created];
    const types = ['any:read', 'flag:updated', 'a:post', 'flags:read', 'flag:created'];
    expect(pairsOf(rules, serverSpan(POST))).toEqual(types.map((pair) => `${pair} success`));
    expect(pairsOf(rules.toReversed(), serverSpan(POST))).toEqual(
      types.toReversed().map((pair) => `${pair} success`),
    );
  });

  it('make one event each of a list in which several values would do', () => {
    const rule: SpanRule = { ...created, match: { 'app.x': ['a', 'b'] } };
    expect(pairsOf([rule], serverSpan({ 'app.x': ['a', 'b', 'a'] }))).toHaveLength(1);
  });

  it('have ids that neither their order nor their neighbours change', () => {
    const idsOf = (rules: readonly SpanRule[]) =>
      eventsOf(rules, serverSpan(POST))!.map(({ id }) => id);
    const [one, two] = idsOf([created, updated]);
    expect(one).not.toBe(two);
    expect(idsOf([updated, created])).toEqual([two, one]);
    expect(idsOf([created])).toEqual([one]);
  });
});

describe('spanRules refuses', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  it.each<[string, unknown, string]>([
    ['no list', { match: POST }, 'spanRules takes a list of at most 1000 rules'],
    ['too many', Array.from({ length: 1001 }, () => created), 'spanRules takes a list'],
    ['no rule', [created, 7], 'rules[1] must be an object with match, type and action'],
    ['the same rule again', [created, { ...created }], 'rules[1] is there twice'],
    ['an unknown field', [{ ...created, mach: {} }], 'rules[0].mach is no field; there are match,'],
    ['no match', [{ ...created, match: undefined }], 'rules[0].match must name an attribute'],
    ['an empty match', [{ ...created, match: {} }], 'rules[0].match must name an attribute'],
    ['a match that is a list', [{ ...created, match: [] }], 'rules[0].match must be an object'],
    ['null', [{ ...created, match: { a: null } }], 'rules[0].match["a"] must be a value'],
    ['no word', [{ ...created, match: { a: {} } }], 'rules[0].match["a"] must be a value'],
    [
      'a word unknown',
      [{ ...created, match: { a: { regex: 'x' } } }],
      'match["a"] must be a value',
    ],
    ['two words', [{ ...created, match: { a: { equals: 1, prefix: '1' } } }], 'must be a value'],
    [
      'a prefix that is no text',
      [{ ...created, match: { a: { prefix: 1 } } }],
      'match["a"].prefix must',
    ],
    ['an empty list', [{ ...created, match: { a: [] } }], 'rules[0].match["a"] must compare with'],
    [
      'a pattern too long',
      [{ ...created, match: { a: { pattern: 'x'.repeat(1025) } } }],
      '.pattern',
    ],
    [
      'too many runs',
      [{ ...created, match: { a: { pattern: '*a'.repeat(9) } } }],
      'at most 8 runs',
    ],
    [
      'an exists that is none',
      [{ ...created, match: { a: { exists: 1 } } }],
      '.exists must be true',
    ],
    ['a full method', [{ ...created, match: { 'rpc.method': 'a.B/C' } }], 'match["rpc.method"]'],
    [
      'an unknown kind',
      [{ ...created, kind: 'servr' }],
      'rules[0].kind must be of internal, server',
    ],
    ['no kind', [{ ...created, kind: [] }], 'rules[0].kind must be of'],
    [
      'an unknown outcome',
      [{ ...created, outcomes: ['ok'] }],
      'rules[0].outcomes must be of success',
    ],
    ['no type', [{ match: POST, action: 'created' }], 'rules[0].type must be a text'],
    ['an empty type', [{ ...created, type: '' }], 'rules[0].type must be a text'],
    ['a type with a colon', [{ ...created, type: 'a:b' }], "rules[0].type must not contain ':'"],
    [
      'a value of no attribute',
      [{ ...created, type: { attribute: [] } }],
      'rules[0].type.attribute must',
    ],
    [
      'a value too rich',
      [{ ...created, type: { attribute: 'a', or: 'b' } }],
      'rules[0].type.or is no field',
    ],
    [
      'an actor’s number',
      [{ ...created, actor: { name: 7 } }],
      'rules[0].actor.name must be a text',
    ],
    ['an actor that is a text', [{ ...created, actor: 'ann' }], 'rules[0].actor must be an object'],
    [
      'a function',
      [{ ...created, payload: { a: () => 1 } }],
      'rules[0].payload.a must be plain data',
    ],
    ['a cycle', [{ ...created, payload: cycle }], 'rules[0] must be plain data'],
    ['a BigInt', [{ ...created, payload: 1n }], 'rules[0] must be plain data'],
    [
      'what is too deep',
      [{ ...created, payload: [[[[[[[[[1]]]]]]]]] }],
      'rules[0].payload.0.0.0.0.0.0.0.0 must be at most 8 levels deep',
    ],
  ])('%s', (_, rules, message) => {
    const make = () => spanRules(rules as SpanRule[]);
    expect(make).toThrow(AuditError);
    expect(make).toThrow(message);
    expect(make).toThrow(/^spanRules/);
  });
});
