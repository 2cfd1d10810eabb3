import { describe, expect, it } from '@jest/globals';
import { Checker, NoOpChecker } from '../../src/checker.js';
import { fliptActor, fliptMethods } from '../../src/flipt/index.js';
import { auditGrpc, type GrpcAuditOptions } from '../../src/interceptors/grpc.js';
import { grpcRig } from '../interceptors/grpc/rig.js';
import { authenticate, callFlipt, fliptServer, LOADINGS, loadFlipt, type Part } from './service.js';

const rig = grpcRig();

type Message = Readonly<Record<string, unknown>>;
interface Case extends Part {
  readonly request: Message;
  readonly event: string;
  readonly payload?: unknown;
}

const EMPTY = {};
const flag = { key: 'f', name: 'Flag', description: 'd', enabled: true, namespaceKey: 'default' };
const flagOf = {
  key: 'f',
  name: 'Flag',
  description: 'd',
  enabled: true,
  namespace_key: 'default',
};
const variant = {
  id: '1',
  flagKey: 'f',
  key: 'v',
  name: 'V',
  description: 'd',
  attachment: '{"a":1}',
  namespaceKey: 'default',
};
const variantOf = {
  id: '1',
  flag_key: 'f',
  key: 'v',
  name: 'V',
  description: 'd',
  attachment: '{"a":1}',
  namespace_key: 'default',
};
const constraint = {
  id: '1',
  segmentKey: 's',
  type: 1,
  property: 'p',
  operator: 'eq',
  value: 'x',
  namespaceKey: 'default',
};
const constraintOf = {
  id: '1',
  segment_key: 's',
  type: 'STRING_COMPARISON_TYPE',
  property: 'p',
  operator: 'eq',
  value: 'x',
  namespace_key: 'default',
};
const segment = {
  key: 's',
  name: 'S',
  description: 'd',
  constraints: [constraint],
  matchType: 1,
  namespaceKey: 'default',
};
const segmentOf = {
  key: 's',
  name: 'S',
  description: 'd',
  constraints: [constraintOf],
  match_type: 'ANY_MATCH_TYPE',
  namespace_key: 'default',
};
const distribution = { id: '1', ruleId: '2', variantId: '3', rollout: 33.33 };
const distributionOf = { id: '1', rule_id: '2', variant_id: '3', rollout: 33.33 };
const rule = {
  id: '1',
  flagKey: 'f',
  segmentKey: 's',
  rank: 2,
  namespaceKey: 'default',
  distributions: [distribution],
};
const ruleOf = {
  id: '1',
  flag_key: 'f',
  segment_key: 's',
  distributions: [distributionOf],
  rank: 2,
  namespace_key: 'default',
};
const rules = { ...rule, segmentKey: '', segmentKeys: ['a', 'b'], segmentOperator: 1 };
const rulesOf = { ...ruleOf, segment_key: 'a,b', segment_operator: 'AND_SEGMENT_OPERATOR' };
const rollout = {
  id: '1',
  namespaceKey: 'default',
  flagKey: 'f',
  rank: 1,
  description: 'd',
  threshold: { percentage: 50.1, value: true },
};
const rolloutOf = {
  id: '1',
  namespace_key: 'default',
  flag_key: 'f',
  rank: 1,
  description: 'd',
  threshold: { percentage: 50.1, value: true },
};
const { threshold: _, ...ranked } = rollout;
const { threshold: __, ...rankedOf } = rolloutOf;
const bySegment = {
  ...ranked,
  segment: { segmentKeys: ['a', 'b'], segmentOperator: 0, value: true },
};
const bySegmentOf = {
  ...rankedOf,
  segment: { key: 'a,b', value: true, operator: 'OR_SEGMENT_OPERATOR' },
};
const namespace = { key: 'n', name: 'N', description: 'd', protected: false };

const FLIPT = '/flipt.Flipt/';
const TOKENS = '/flipt.auth.AuthenticationMethodTokenService/';
const AUTHENTICATIONS = '/flipt.auth.AuthenticationService/';

const CASES: Readonly<Record<string, Case>> = {
  [`${FLIPT}CreateFlag`]: { request: flag, response: flag, event: 'flag:created', payload: flagOf },
  [`${FLIPT}UpdateFlag`]: {
    request: flag,
    response: { ...flag, defaultVariant: variant },
    event: 'flag:updated',
    payload: { ...flagOf, default_variant: 'v' },
  },
  [`${FLIPT}DeleteFlag`]: {
    request: { key: 'f' },
    response: EMPTY,
    event: 'flag:deleted',
    payload: { key: 'f' },
  },
  [`${FLIPT}CreateVariant`]: {
    request: { flagKey: 'f', key: 'v' },
    response: variant,
    event: 'variant:created',
    payload: variantOf,
  },
  [`${FLIPT}UpdateVariant`]: {
    request: { id: '1', flagKey: 'f', key: 'v' },
    response: variant,
    event: 'variant:updated',
    payload: variantOf,
  },
  [`${FLIPT}DeleteVariant`]: {
    request: { id: '1', namespaceKey: 'default' },
    response: EMPTY,
    event: 'variant:deleted',
    payload: { id: '1', namespace_key: 'default' },
  },
  [`${FLIPT}CreateDistribution`]: {
    request: distribution,
    response: distribution,
    event: 'distribution:created',
    payload: distributionOf,
  },
  [`${FLIPT}UpdateDistribution`]: {
    request: distribution,
    response: distribution,
    event: 'distribution:updated',
    payload: distributionOf,
  },
  [`${FLIPT}DeleteDistribution`]: {
    request: { id: '1', flagKey: 'f', ruleId: '2', variantId: '3' },
    response: EMPTY,
    event: 'distribution:deleted',
    payload: { id: '1', flag_key: 'f', rule_id: '2', variant_id: '3' },
  },
  [`${FLIPT}CreateSegment`]: {
    request: segment,
    response: segment,
    event: 'segment:created',
    payload: segmentOf,
  },
  [`${FLIPT}UpdateSegment`]: {
    request: segment,
    response: { key: 's' },
    event: 'segment:updated',
    payload: {
      key: 's',
      name: '',
      description: '',
      constraints: [],
      match_type: 'ALL_MATCH_TYPE',
      namespace_key: '',
    },
  },
  [`${FLIPT}DeleteSegment`]: {
    request: { key: 's', namespaceKey: 'default' },
    response: EMPTY,
    event: 'segment:deleted',
    payload: { key: 's', namespace_key: 'default' },
  },
  [`${FLIPT}CreateConstraint`]: {
    request: constraint,
    response: constraint,
    event: 'constraint:created',
    payload: constraintOf,
  },
  [`${FLIPT}UpdateConstraint`]: {
    request: constraint,
    response: { ...constraint, type: 5 },
    event: 'constraint:updated',
    payload: { ...constraintOf, type: 'ENTITY_ID_COMPARISON_TYPE' },
  },
  [`${FLIPT}DeleteConstraint`]: {
    request: { id: '1', segmentKey: 's' },
    response: EMPTY,
    event: 'constraint:deleted',
    payload: { id: '1', segment_key: 's' },
  },
  [`${FLIPT}CreateRollout`]: {
    request: rollout,
    response: rollout,
    event: 'rollout:created',
    payload: rolloutOf,
  },
  [`${FLIPT}UpdateRollout`]: {
    request: rollout,
    response: bySegment,
    event: 'rollout:updated',
    payload: bySegmentOf,
  },
  [`${FLIPT}DeleteRollout`]: {
    request: { id: '1', flagKey: 'f' },
    response: EMPTY,
    event: 'rollout:deleted',
    payload: { id: '1', flag_key: 'f' },
  },
  [`${FLIPT}OrderRollouts`]: {
    request: { flagKey: 'f', namespaceKey: 'default', rolloutIds: ['1', '2'] },
    response: EMPTY,
    event: 'rollout:updated',
    payload: { flag_key: 'f', namespace_key: 'default', rollout_ids: ['1', '2'] },
  },
  [`${FLIPT}CreateRule`]: { request: rule, response: rule, event: 'rule:created', payload: ruleOf },
  [`${FLIPT}UpdateRule`]: {
    request: rule,
    response: rules,
    event: 'rule:updated',
    payload: rulesOf,
  },
  [`${FLIPT}OrderRules`]: {
    request: { flagKey: 'f', ruleIds: ['1', '2'] },
    response: EMPTY,
    event: 'rule:updated',
    payload: { flag_key: 'f', rule_ids: ['1', '2'] },
  },
  [`${FLIPT}DeleteRule`]: {
    request: { id: '1', flagKey: 'f' },
    response: EMPTY,
    event: 'rule:deleted',
    payload: { id: '1', flag_key: 'f' },
  },
  [`${FLIPT}CreateNamespace`]: {
    request: { key: 'n', name: 'N' },
    response: namespace,
    event: 'namespace:created',
    payload: namespace,
  },
  [`${FLIPT}UpdateNamespace`]: {
    request: { key: 'n', name: 'N' },
    response: { ...namespace, protected: true },
    event: 'namespace:updated',
    payload: { ...namespace, protected: true },
  },
  [`${FLIPT}DeleteNamespace`]: {
    request: { key: 'n' },
    response: EMPTY,
    event: 'namespace:deleted',
    payload: { key: 'n' },
  },
  [`${TOKENS}CreateToken`]: {
    request: { name: 'ci' },
    response: {
      clientToken: 's3crET',
      authentication: { id: '1', method: 1, metadata: { 'io.flipt.auth.token.name': 'ci' } },
    },
    event: 'token:created',
    payload: { 'io.flipt.auth.token.name': 'ci' },
  },
};

const DELETED: Readonly<Record<string, Case>> = {
  [`${FLIPT}DeleteRule`]: {
    request: { id: '1' },
    deleted: rules,
    event: 'rule:deleted',
    payload: rulesOf,
  },
  [`${FLIPT}DeleteRollout`]: {
    request: { id: '1' },
    deleted: bySegment,
    event: 'rollout:deleted',
    payload: bySegmentOf,
  },
  [`${AUTHENTICATIONS}DeleteAuthentication`]: {
    request: { id: '1' },
    deleted: { id: '1', method: 'METHOD_TOKEN', metadata: { 'io.flipt.auth.token.name': 'ci' } },
    event: 'token:deleted',
    payload: { 'io.flipt.auth.token.name': 'ci' },
  },
};

describe.each(Object.entries(LOADINGS))('Flipt’s methods, loaded %s', (_name, loading) => {
  const methods = loadFlipt(loading);
  const play = async (
    path: string,
    request: Message,
    part: Part,
    headers: Readonly<Record<string, string>> = {},
    options: Partial<GrpcAuditOptions> = {},
  ) => {
    const audit = auditGrpc({
      methods: fliptMethods,
      actor: fliptActor,
      trustProxy: 1,
      ...options,
    });
    const turn = (message: Message | undefined) =>
      message && (loading.keepCase === true ? (snake(message) as Message) : message);
    const { response, deleted, ...rest } = part;
    const server = fliptServer(methods, [audit, authenticate], () => ({
      response: turn(response) ?? {},
      ...(deleted !== undefined && { deleted: turn(deleted)! }),
      ...rest,
    }));
    const port = await rig.serve(server);
    const code = await callFlipt(port, methods.get(path)!, turn(request)!, headers);
    return { code, events: await rig.events() };
  };

  it.each(Object.entries(CASES))('%s', async (path, { request, response, event, payload }) => {
    const { code, events } = await play(path, request, { response: response! });
    expect(code).toBe(0);
    const [type, action] = event.split(':');
    const actor = { authentication: 'none', ip: '127.0.0.1' };
    expect(events).toMatchObject([
      { version: '0.2', type, action, status: 'success', metadata: { actor }, payload },
    ]);
    expect(events[0]!.payload).toEqual(payload);
    expect(JSON.stringify(events)).not.toContain('s3crET');
  });

  it.each(Object.entries(DELETED))('%s, whose handler tells what it deleted', async (path, one) => {
    const { request, deleted, event, payload } = one;
    const { events } = await play(path, request, { deleted: deleted! });
    expect(events.map(({ type, action }) => `${type}:${action}`)).toEqual([event]);
    expect(events[0]!.payload).toEqual(payload);
  });

  it.each(Object.entries(CASES))('%s, denied', async (path, { request, event }) => {
    const { code, events } = await play(path, request, { code: 7 });
    expect(code).toBe(7);
    const [type, action] = event.split(':');
    expect(events).toMatchObject([{ type, action, status: 'denied' }]);
    expect(events[0]).not.toHaveProperty('payload');
  });

  it('records nothing of what fails otherwise', async () => {
    const { events } = await play(`${FLIPT}CreateFlag`, flag, { code: 13 });
    expect(events).toEqual([]);
  });

  it('records nothing of what is read', async () => {
    const { code, events } = await play(`${FLIPT}GetFlag`, { key: 'f' }, { response: flag });
    expect(code).toBe(0);
    expect(events).toEqual([]);
  });

  it('records nothing of an authentication that is deleted, but for a token', async () => {
    const path = `${AUTHENTICATIONS}DeleteAuthentication`;
    const deleted = { id: '1', method: 'METHOD_OIDC', metadata: { a: 'b' } };
    expect((await play(path, { id: '1' }, { deleted })).events).toEqual([]);
    expect((await play(path, { id: '1' }, {})).events).toEqual([]);
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['nobody', {}, { authentication: 'none', ip: '127.0.0.1' }],
    ['a token', { authorization: 'admin' }, { authentication: 'token', ip: '127.0.0.1' }],
    [
      'OIDC, through a proxy',
      { authorization: 'ada', 'x-forwarded-for': '203.0.113.7' },
      {
        authentication: 'oidc',
        ip: '203.0.113.7',
        email: 'ada@example.com',
        name: 'Ada Lovelace',
        picture: 'https://example.com/ada.png',
      },
    ],
  ])('names the actor: %s', async (_who, headers, actor) => {
    const { events } = await play(`${FLIPT}CreateFlag`, flag, { response: flag }, headers);
    expect(events.map(({ metadata }) => metadata.actor)).toEqual([actor]);
  });

  it('names who was refused before the handler was called', async () => {
    const headers = { authorization: 'viewer' };
    const { code, events } = await play(`${FLIPT}CreateFlag`, flag, { response: flag }, headers);
    expect(code).toBe(7);
    const actor = { authentication: 'github', ip: '127.0.0.1', email: 'eve@example.com' };
    expect(events).toMatchObject([{ type: 'flag', action: 'created', status: 'denied' }]);
    expect(events[0]!.metadata.actor).toEqual(actor);
  });

  it('asks the checker first', async () => {
    const part = { response: flag };
    const play1 = (checker: GrpcAuditOptions['checker']) =>
      play(`${FLIPT}CreateFlag`, flag, part, {}, { checker });
    expect((await play1(new NoOpChecker())).events).toEqual([]);
    expect((await play1(new Checker(['flag:updated', 'rule:*']))).events).toEqual([]);
    expect((await play1(new Checker(['flag:created']))).events).toHaveLength(1);
  });
});

/** The same message by the names of the .proto file. */
function snake(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      name === 'metadata' ? inner : snake(inner),
    ]),
  );
}
