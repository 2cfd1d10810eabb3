import { bool, enumName, field, float, inner, list, number, snakeCase, text } from './fields.js';
import {
  COMPARISON_TYPES,
  type FliptAuthentication,
  type FliptConstraint,
  type FliptDistribution,
  type FliptFlag,
  type FliptNamespace,
  type FliptRollout,
  type FliptRule,
  type FliptSegment,
  type FliptVariant,
  MATCH_TYPES,
  SEGMENT_OPERATORS,
} from './messages.js';

export interface FlagPayload {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly namespace_key: string;
  /** The key of the default variant; left out where there is none. */
  readonly default_variant?: string;
}

/** A flag in the shape of Flipt's events. */
export function flagPayload(message: FliptFlag): FlagPayload {
  const variant = inner(message, 'defaultVariant');
  const key = variant === undefined ? '' : text(variant, 'key');
  return {
    key: text(message, 'key'),
    name: text(message, 'name'),
    description: text(message, 'description'),
    enabled: bool(message, 'enabled'),
    namespace_key: text(message, 'namespaceKey'),
    ...(key !== '' && { default_variant: key }),
  };
}

export interface VariantPayload {
  readonly id: string;
  readonly flag_key: string;
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly attachment: string;
  readonly namespace_key: string;
}

/** A variant in the shape of Flipt's events. */
export function variantPayload(message: FliptVariant): VariantPayload {
  return {
    id: text(message, 'id'),
    flag_key: text(message, 'flagKey'),
    key: text(message, 'key'),
    name: text(message, 'name'),
    description: text(message, 'description'),
    attachment: text(message, 'attachment'),
    namespace_key: text(message, 'namespaceKey'),
  };
}

export interface ConstraintPayload {
  readonly id: string;
  readonly segment_key: string;
  /** `STRING_COMPARISON_TYPE`, … */
  readonly type: string;
  readonly property: string;
  readonly operator: string;
  readonly value: string;
  readonly namespace_key: string;
}

/** A constraint in the shape of Flipt's events. */
export function constraintPayload(message: FliptConstraint): ConstraintPayload {
  return {
    id: text(message, 'id'),
    segment_key: text(message, 'segmentKey'),
    type: enumName(message, 'type', COMPARISON_TYPES),
    property: text(message, 'property'),
    operator: text(message, 'operator'),
    value: text(message, 'value'),
    namespace_key: text(message, 'namespaceKey'),
  };
}

export interface NamespacePayload {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly protected: boolean;
}

/** A namespace in the shape of Flipt's events. */
export function namespacePayload(message: FliptNamespace): NamespacePayload {
  return {
    key: text(message, 'key'),
    name: text(message, 'name'),
    description: text(message, 'description'),
    protected: bool(message, 'protected'),
  };
}

export interface DistributionPayload {
  readonly id: string;
  readonly rule_id: string;
  readonly variant_id: string;
  /** A 32-bit float by its shortest digits, as in Go. */
  readonly rollout: number;
}

/** A distribution in the shape of Flipt's events. */
export function distributionPayload(message: FliptDistribution): DistributionPayload {
  return {
    id: text(message, 'id'),
    rule_id: text(message, 'ruleId'),
    variant_id: text(message, 'variantId'),
    rollout: float(message, 'rollout'),
  };
}

export interface SegmentPayload {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly constraints: readonly ConstraintPayload[];
  /** `ALL_MATCH_TYPE` or `ANY_MATCH_TYPE`. */
  readonly match_type: string;
  readonly namespace_key: string;
}

/** A segment in the shape of Flipt's events. */
export function segmentPayload(message: FliptSegment): SegmentPayload {
  return {
    key: text(message, 'key'),
    name: text(message, 'name'),
    description: text(message, 'description'),
    constraints: list(message, 'constraints').map((one) => constraintPayload(one as object)),
    match_type: enumName(message, 'matchType', MATCH_TYPES),
    namespace_key: text(message, 'namespaceKey'),
  };
}

export interface RulePayload {
  readonly id: string;
  readonly flag_key: string;
  /** Of several they are joined by `,`. */
  readonly segment_key: string;
  readonly distributions: readonly DistributionPayload[];
  readonly rank: number;
  readonly namespace_key: string;
  /** Only of several segments: `OR_SEGMENT_OPERATOR` or `AND_SEGMENT_OPERATOR`. */
  readonly segment_operator?: string;
}

/** A rule in the shape of Flipt's events. */
export function rulePayload(message: FliptRule): RulePayload {
  const { key, operator } = segmentsOf(message);
  return {
    id: text(message, 'id'),
    flag_key: text(message, 'flagKey'),
    segment_key: key,
    distributions: list(message, 'distributions').map((one) => distributionPayload(one as object)),
    rank: number(message, 'rank'),
    namespace_key: text(message, 'namespaceKey'),
    ...(operator !== undefined && { segment_operator: operator }),
  };
}

export interface RolloutPayload {
  readonly id: string;
  readonly namespace_key: string;
  readonly flag_key: string;
  readonly rank: number;
  readonly description: string;
  readonly segment?: { readonly key: string; readonly value: boolean; readonly operator?: string };
  /** `percentage` is a 32-bit float by its shortest digits, as in Go. */
  readonly threshold?: { readonly percentage: number; readonly value: boolean };
}

/** A rollout in the shape of Flipt's events. */
export function rolloutPayload(message: FliptRollout): RolloutPayload {
  const segment = inner(message, 'segment');
  const threshold = inner(message, 'threshold');
  return {
    id: text(message, 'id'),
    namespace_key: text(message, 'namespaceKey'),
    flag_key: text(message, 'flagKey'),
    rank: number(message, 'rank'),
    description: text(message, 'description'),
    ...(segment !== undefined && { segment: rolloutSegment(segment) }),
    ...(threshold !== undefined && {
      threshold: { percentage: float(threshold, 'percentage'), value: bool(threshold, 'value') },
    }),
  };
}

function rolloutSegment(message: object): NonNullable<RolloutPayload['segment']> {
  const { key, operator } = segmentsOf(message);
  return { key, value: bool(message, 'value'), ...(operator !== undefined && { operator }) };
}

/** One segment, or several with the operator between them. */
function segmentsOf(message: object): { key: string; operator?: string } {
  const key = text(message, 'segmentKey');
  const keys = list(message, 'segmentKeys');
  if (key !== '' || keys.length === 0) return { key };
  const operator = enumName(message, 'segmentOperator', SEGMENT_OPERATORS);
  return { key: keys.join(','), operator };
}

/** A token in the shape of Flipt's events: the metadata of its authentication. */
export function tokenPayload(message: FliptAuthentication): { readonly [key: string]: string } {
  return { ...(field(message, 'metadata') as { readonly [key: string]: string } | undefined) };
}

/**
 * A request in the shape of Flipt's events, as deletions and orders carry it: its fields by the names of the
 * .proto file, zero values left out.
 */
export function requestPayload(message: object): { readonly [name: string]: unknown } {
  return Object.fromEntries(
    Object.entries(message)
      .filter(([, value]) => !isZero(value))
      .map(([name, value]) => [snakeCase(name), value]),
  );
}

function isZero(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || value === null || value === '' || value === 0 || value === false;
}
