import type { Enum, Message } from './fields.js';

// Flipt's messages (package `flipt`, v1), as far as its audit looks at them.

export type FliptFlag = Message<{
  key: string;
  name: string;
  description: string;
  enabled: boolean;
  namespaceKey: string;
  defaultVariant: FliptVariant | null;
}>;

export type FliptVariant = Message<{
  id: string;
  flagKey: string;
  key: string;
  name: string;
  description: string;
  attachment: string;
  namespaceKey: string;
}>;

export const COMPARISON_TYPES = [
  'UNKNOWN_COMPARISON_TYPE',
  'STRING_COMPARISON_TYPE',
  'NUMBER_COMPARISON_TYPE',
  'BOOLEAN_COMPARISON_TYPE',
  'DATETIME_COMPARISON_TYPE',
  'ENTITY_ID_COMPARISON_TYPE',
] as const;

export type FliptConstraint = Message<{
  id: string;
  segmentKey: string;
  type: Enum<(typeof COMPARISON_TYPES)[number]>;
  property: string;
  operator: string;
  value: string;
  namespaceKey: string;
}>;

export type FliptNamespace = Message<{
  key: string;
  name: string;
  description: string;
  protected: boolean;
}>;

export type FliptDistribution = Message<{
  id: string;
  ruleId: string;
  variantId: string;
  rollout: number;
}>;

export const MATCH_TYPES = ['ALL_MATCH_TYPE', 'ANY_MATCH_TYPE'] as const;

export type FliptSegment = Message<{
  key: string;
  name: string;
  description: string;
  constraints: readonly FliptConstraint[];
  matchType: Enum<(typeof MATCH_TYPES)[number]>;
  namespaceKey: string;
}>;

export const SEGMENT_OPERATORS = ['OR_SEGMENT_OPERATOR', 'AND_SEGMENT_OPERATOR'] as const;
export type SegmentOperator = Enum<(typeof SEGMENT_OPERATORS)[number]>;

export type FliptRule = Message<{
  id: string;
  flagKey: string;
  segmentKey: string;
  segmentKeys: readonly string[];
  segmentOperator: SegmentOperator;
  distributions: readonly FliptDistribution[];
  rank: number;
  namespaceKey: string;
}>;

export type FliptRollout = Message<{
  id: string;
  namespaceKey: string;
  flagKey: string;
  rank: number;
  description: string;
  segment: Message<{
    segmentKey: string;
    segmentKeys: readonly string[];
    segmentOperator: SegmentOperator;
    value: boolean;
  }> | null;
  threshold: Message<{ percentage: number; value: boolean }> | null;
}>;

export const METHODS = [
  'METHOD_NONE',
  'METHOD_TOKEN',
  'METHOD_OIDC',
  'METHOD_KUBERNETES',
  'METHOD_GITHUB',
  'METHOD_JWT',
  'METHOD_CLOUD',
] as const;

/** `flipt.auth.Authentication`. */
export type FliptAuthentication = Message<{
  id: string;
  method: Enum<(typeof METHODS)[number]>;
  metadata: { readonly [key: string]: string };
}>;
