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

const FLIPT_NOUNS = [
  'flag',
  'segment',
  'variant',
  'constraint',
  'rule',
  'distribution',
  'namespace',
  'rollout',
  'token',
];
const FLIPT_VERBS = ['created', 'updated', 'deleted'];

/**
 * A checker of `noun:verb` pairs, where `*` stands for any noun or any verb. Its errors are Flipt's,
 * word for word.
 *
 * @throws {AuditError} `invalid-option`: `invalid event pair: X`, `invalid noun: X`,
 * `invalid verb: X`, `repeated event pair: X` (overlaps included) or `no event pairs exist`.
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
    for (const n of choose(noun, nouns, 'invalid noun')) {
      for (const v of choose(verb, verbs, 'invalid verb')) {
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

function choose(word: string, words: Words, fault: string): Iterable<string> {
  if (words === 'any') {
    if (word === '') throw refused(fault, word);
    return [word];
  }
  if (word === '*') return words;
  if (!words.has(word)) throw refused(fault, word);
  return [word];
}

function refused(fault: string, what: string): AuditError {
  return new AuditError('invalid-option', `${fault}: ${what}`);
}
