import { AuditError } from './errors.js';

/** Decides by event pair which events pass. */
export interface EventPairChecker {
  /** Whether events of this pair, `type:action`, pass. */
  check(eventPair: string): boolean;
  /** The pairs that pass; `*` stands for any noun or verb of an open vocabulary. */
  events(): string[];
}

/** The words of one half of a pair; `'any'` admits every word. */
export type Vocabulary = readonly string[] | 'any';

/** Which nouns and verbs a {@link Checker} knows; by default Flipt's. */
export interface CheckerOptions {
  readonly nouns?: Vocabulary | undefined;
  readonly verbs?: Vocabulary | undefined;
}

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

/** What Flipt's events say was done to them. */
export const FLIPT_VERBS = ['created', 'updated', 'deleted'] as const;

/**
 * A checker of `noun:verb` pairs, where `*` stands for any noun or any verb. The words are Flipt's
 * unless `nouns` and `verbs` give a vocabulary of your own. What it says of pairs is Flipt's too, word
 * for word; the words that would do are in the error's `cause`.
 *
 * @throws {AuditError} `invalid-option`: `invalid event pair: X`, `invalid noun: X`,
 * `invalid verb: X`, `repeated event pair: X` (overlaps included) or `no event pairs exist`; also
 * for an option that it does not know.
 * @example
 * new Checker(['flag:*', 'segment:deleted']).check('flag:created'); // true
 * new Checker(['invoice:*'], { nouns: 'any', verbs: 'any' }).check('invoice:refunded'); // true
 */
export class Checker implements EventPairChecker {
  readonly #pairs: ReadonlySet<string>;
  readonly #open: boolean;

  constructor(eventPairs: readonly string[], options: CheckerOptions = {}) {
    if (!Array.isArray(eventPairs)) {
      throw new AuditError('invalid-option', 'event pairs must be a list of texts');
    }
    refuseUnknown(options);
    const nouns = vocabulary('nouns', options.nouns ?? FLIPT_NOUNS);
    const verbs = vocabulary('verbs', options.verbs ?? FLIPT_VERBS);
    this.#pairs = expand(eventPairs, nouns, verbs);
    this.#open = nouns === 'any' || verbs === 'any';
  }

  check(eventPair: string): boolean {
    return this.#pairs.has(eventPair) || (this.#open && this.#matchesWildcard(eventPair));
  }

  events(): string[] {
    return [...this.#pairs];
  }

  #matchesWildcard(eventPair: string): boolean {
    const colon = eventPair.indexOf(':');
    if (colon < 1 || colon === eventPair.length - 1) return false;
    const noun = eventPair.slice(0, colon);
    const verb = eventPair.slice(colon + 1);
    return this.#pairs.has(`*:${verb}`) || this.#pairs.has(`${noun}:*`) || this.#pairs.has('*:*');
  }
}

/** A checker that lets nothing pass. */
export class NoOpChecker implements EventPairChecker {
  check(_eventPair: string): boolean {
    return false;
  }

  events(): string[] {
    return [];
  }
}

/** A misspelt `nouns` must not leave Flipt's words in force unseen. */
function refuseUnknown(options: CheckerOptions): void {
  const unknown =
    typeof options === 'object' && options !== null
      ? Object.keys(options).find((option) => option !== 'nouns' && option !== 'verbs')
      : String(options);
  if (unknown === undefined) return;
  throw new AuditError(
    'invalid-option',
    `Checker has no option ${JSON.stringify(unknown)}; it takes nouns and verbs`,
  );
}

type Words = ReadonlySet<string> | 'any';

function vocabulary(option: string, words: Vocabulary): Words {
  if (words === 'any') return 'any';
  if (!Array.isArray(words) || words.length === 0) {
    throw new AuditError('invalid-option', `${option} must be 'any' or a list of words`);
  }
  for (const word of words as readonly unknown[]) {
    if (typeof word !== 'string' || word === '' || /[:*]/.test(word)) {
      throw new AuditError(
        'invalid-option',
        `${option} must hold words without ':' and '*', not ${JSON.stringify(word)}`,
      );
    }
  }
  return new Set(words);
}

function expand(eventPairs: readonly string[], nouns: Words, verbs: Words): Set<string> {
  const expanded = new Set<string>();
  const ranges: Range[] = [];
  for (const eventPair of eventPairs) {
    // Like Flipt, what follows a second colon is ignored.
    const [noun = '', verb] = String(eventPair).split(':');
    if (verb === undefined) throw refused('invalid event pair', eventPair);
    for (const n of choose('noun', noun, nouns)) {
      for (const v of choose('verb', verb, verbs)) {
        const pair = `${n}:${v}`;
        if (expanded.has(pair)) throw refused('repeated event pair', pair);
        const other = ranges.find((range) => overlaps(range.noun, n) && overlaps(range.verb, v));
        if (other !== undefined) {
          throw refused(
            'repeated event pair',
            `${narrower(other.noun, n)}:${narrower(other.verb, v)}`,
          );
        }
        expanded.add(pair);
        // Only in an open vocabulary does a `*` survive, and only there can two ranges overlap.
        if (nouns === 'any' || verbs === 'any') ranges.push({ noun: n, verb: v });
      }
    }
  }
  if (expanded.size === 0) throw new AuditError('invalid-option', 'no event pairs exist');
  return expanded;
}

interface Range {
  readonly noun: string;
  readonly verb: string;
}

const overlaps = (a: string, b: string): boolean => a === b || a === '*' || b === '*';
const narrower = (a: string, b: string): string => (a === '*' ? b : a);

function choose(half: 'noun' | 'verb', word: string, words: Words): Iterable<string> {
  if (words === 'any') {
    if (word === '') throw refused(`invalid ${half}`, word);
    return [word];
  }
  if (word === '*') return words;
  if (words.has(word)) return [word];
  const known = [...words].join(', ');
  throw refused(`invalid ${half}`, word, {
    cause: `the ${half}s are ${known}; the option ${half}s sets others`,
  });
}

function refused(fault: string, what: string, options?: ErrorOptions): AuditError {
  return new AuditError('invalid-option', `${fault}: ${what}`, options);
}
