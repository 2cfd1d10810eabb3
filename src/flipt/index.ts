export { FLIPT_NOUNS, FLIPT_VERBS } from '../checker.js';
export { actorFromAuthentication } from './actor.js';
export type { Enum, Message } from './fields.js';
export type {
  FliptAuthentication,
  FliptConstraint,
  FliptDistribution,
  FliptFlag,
  FliptNamespace,
  FliptRollout,
  FliptRule,
  FliptSegment,
  FliptVariant,
} from './messages.js';
export { type FliptCall, type FliptMethod, fliptActor, fliptMethods } from './methods.js';
export {
  type ConstraintPayload,
  constraintPayload,
  type DistributionPayload,
  distributionPayload,
  type FlagPayload,
  flagPayload,
  type NamespacePayload,
  namespacePayload,
  type RolloutPayload,
  type RulePayload,
  requestPayload,
  rolloutPayload,
  rulePayload,
  type SegmentPayload,
  segmentPayload,
  tokenPayload,
  type VariantPayload,
  variantPayload,
} from './payloads.js';
export {
  eventFromRequest,
  type FliptRequest,
  type FliptResource,
  type FliptSubject,
} from './request.js';
