import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  constraintPayload,
  distributionPayload,
  flagPayload,
  namespacePayload,
  requestPayload,
  rolloutPayload,
  rulePayload,
  segmentPayload,
  tokenPayload,
  variantPayload,
} from '../../src/flipt/index.js';

describe('the payload shapes of Flipt', () => {
  it('have every member of an empty message, as in Go', () => {
    expect(flagPayload({})).toEqual({
      key: '',
      name: '',
      description: '',
      enabled: false,
      namespace_key: '',
    });
    expect(variantPayload({})).toEqual({
      id: '',
      flag_key: '',
      key: '',
      name: '',
      description: '',
      attachment: '',
      namespace_key: '',
    });
    expect(constraintPayload({})).toEqual({
      id: '',
      segment_key: '',
      type: 'UNKNOWN_COMPARISON_TYPE',
      property: '',
      operator: '',
      value: '',
      namespace_key: '',
    });
    expect(namespacePayload({})).toEqual({ key: '', name: '', description: '', protected: false });
    expect(distributionPayload({})).toEqual({ id: '', rule_id: '', variant_id: '', rollout: 0 });
    expect(segmentPayload({})).toEqual({
      key: '',
      name: '',
      description: '',
      constraints: [],
      match_type: 'ALL_MATCH_TYPE',
      namespace_key: '',
    });
    expect(rulePayload({})).toEqual({
      id: '',
      flag_key: '',
      segment_key: '',
      distributions: [],
      rank: 0,
      namespace_key: '',
    });
    expect(rolloutPayload({})).toEqual({
      id: '',
      namespace_key: '',
      flag_key: '',
      rank: 0,
      description: '',
    });
    expect(tokenPayload({})).toEqual({});
  });

  it('take names in either case, and enums as names or numbers', () => {
    const snake = { segment_key: 's', type: 'NUMBER_COMPARISON_TYPE', namespace_key: 'n' } as const;
    const camel = { segmentKey: 's', type: 2, namespaceKey: 'n' };
    expect(constraintPayload(snake)).toEqual(constraintPayload(camel));
    expect(constraintPayload(camel)).toMatchObject({ type: 'NUMBER_COMPARISON_TYPE' });
  });

  it('print an enum’s number that has no name, as Go does', () => {
    expect(constraintPayload({ type: 32 }).type).toBe('32');
  });

  it('take null for what is left out', () => {
    expect(rolloutPayload({ segment: null, threshold: null })).not.toHaveProperty('segment');
    expect(flagPayload({ defaultVariant: null })).not.toHaveProperty('default_variant');
    expect(flagPayload({ defaultVariant: { id: '1' } })).not.toHaveProperty('default_variant');
  });

  it('join the keys of several segments, but go by a single key where there is one', () => {
    const several = { segmentKeys: ['a', 'b'], segmentOperator: 'AND_SEGMENT_OPERATOR' } as const;
    expect(rulePayload(several)).toMatchObject({
      segment_key: 'a,b',
      segment_operator: 'AND_SEGMENT_OPERATOR',
    });
    expect(rulePayload({ ...several, segmentKey: 'c' })).toMatchObject({ segment_key: 'c' });
    expect(rulePayload({ ...several, segmentKey: 'c' })).not.toHaveProperty('segment_operator');
    expect(rolloutPayload({ segment: { segment_keys: ['a'], value: true } }).segment).toEqual({
      key: 'a',
      value: true,
      operator: 'OR_SEGMENT_OPERATOR',
    });
  });

  it.each([
    [33.33000183105469, 33.33],
    [33.33, 33.33],
    [50.1, 50.1],
    [0.1, 0.1],
    [100, 100],
    [16777216, 16777216],
    [0, 0],
  ])('print the 32-bit float %d as %d', (rollout, expected) => {
    expect(distributionPayload({ rollout }).rollout).toBe(expected);
  });

  it('print any 32-bit float so that it is read back as itself, and no longer than before', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (rollout) => {
        const printed = distributionPayload({ rollout }).rollout;
        expect(Math.fround(printed) === rollout).toBe(true); // -0 too
        expect(JSON.stringify(printed).length).toBeLessThanOrEqual(JSON.stringify(rollout).length);
      }),
    );
  });

  it('keep a metadata key that is only a name', () => {
    const metadata = JSON.parse('{"__proto__":"a","constructor":"b"}');
    expect(JSON.stringify(tokenPayload({ metadata }))).toBe('{"__proto__":"a","constructor":"b"}');
  });
});

describe('a request as a payload', () => {
  it('has snake-case names, and no zero values', () => {
    const request = {
      flagKey: 'f',
      ruleIds: ['1'],
      none: [],
      id: '',
      rank: 0,
      on: false,
      of: null,
    };
    expect(requestPayload(request)).toEqual({ flag_key: 'f', rule_ids: ['1'] });
  });

  it('takes any name for only a name', () => {
    const request = JSON.parse('{"__proto__":"a"}');
    expect(JSON.stringify(requestPayload(request))).toBe('{"__proto__":"a"}');
  });
});
