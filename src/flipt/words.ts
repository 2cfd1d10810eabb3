/** What Flipt audits: the types of its events. */
export const FLIPT_NOUNS = [
  'flag',
  'segment',
  'variant',
  'constraint',
  'rule',
  'distribution',
  'namespace',
  'rollout',
  'token',
] as const;

/** What Flipt's checker knows of as done to them. */
export const FLIPT_VERBS = ['created', 'updated', 'deleted'] as const;

export type FliptNoun = (typeof FLIPT_NOUNS)[number];
export type FliptVerb = (typeof FLIPT_VERBS)[number];
