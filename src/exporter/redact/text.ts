import type { AuditError } from '../../errors.js';
import type { Censor, Replacement } from './censor.js';
import { loadRedact, type RedactValue } from './library.js';
import type { NameFinder } from './names.js';
import { ExactNumbers } from './numbers.js';
import type { ParsedPath } from './path.js';
import { type PathNode, redactMembers, type Walk } from './walk.js';

type Segments = readonly string[];

/**
 * Hides values in the JSON text of a payload or an actor. As far as a path has names, it is followed in the
 * text; from its first `*` or index on, the library follows it in the parsed value.
 */
export class TextRedactor {
  readonly #censor: Censor;
  readonly #walk: Walk;
  readonly #root: PathNode;
  /** What this call has put in the place of values, so that none is hidden twice. */
  readonly #placed = new Set<unknown>();
  #hashed = 0;
  #isOurs = false;
  #numbers: ExactNumbers | undefined;

  constructor(
    root: 'payload' | 'actor',
    paths: readonly ParsedPath[],
    names: NameFinder,
    censor: Censor,
    refuse: (fault: string) => AuditError,
  ) {
    this.#censor = censor;
    this.#walk = { names, hide: (text) => this.#hide(text) };
    const own = paths.flatMap((path) =>
      path.root === root && 'segments' in path ? [path.segments] : [],
    );
    // An actor is an object: it stays one, with every member hidden.
    const mustStay = root === 'actor' && !censor.removes;
    const segments = own.map((path) => (path.length === 0 && mustStay ? ['*'] : path));
    const replace = censor.removes ? undefined : (value: unknown) => this.#replace(value);
    this.#root = this.#nodeOf(segments, (rest) => loadRedact(rest, replace, refuse));
  }

  /**
   * The text without what is to be hidden; undefined where nothing is left.
   *
   * @param isOurs `JSON.stringify` has made it
   * @throws {RangeError} where it is nested too deeply, or has too many values to hash
   */
  redact(text: string, isOurs: boolean): string | undefined {
    this.#isOurs = isOurs;
    try {
      if (this.#root.hides === true) return this.#hide(text);
      return (this.#root.redact ?? this.#followNames)(text);
    } finally {
      this.#placed.clear();
      this.#hashed = 0;
      this.#numbers = undefined;
    }
  }

  #nodeOf(paths: readonly Segments[], load: (paths: readonly Segments[]) => RedactValue): PathNode {
    if (paths.some(({ length }) => length === 0)) return { hides: true };
    if (paths.some(([first]) => first === '*' || /^\d+$/.test(first!))) {
      const redactValue = load(paths.map((path) => [ROOT, ...path]));
      return { redact: (text) => this.#followAll(text, redactValue) };
    }
    const names = new Set(paths.map(([first]) => first!));
    if (names.size === 0) return {};
    const members = [...names].map((name) => {
      const rest = paths.filter(([first]) => first === name).map((path) => path.slice(1));
      return [name, this.#nodeOf(rest, load)] as const;
    });
    return { members: new Map(members) };
  }

  readonly #followNames = (text: string): string =>
    this.#root.members === undefined && this.#walk.names.isEmpty
      ? text
      : redactMembers(text, this.#root, this.#walk);

  #followAll(text: string, redactValue: RedactValue): string {
    const { names } = this.#walk;
    const value = this.#parse(names.isEmpty ? text : redactMembers(text, {}, this.#walk));
    return this.#print(redactValue({ [ROOT]: value })[ROOT]);
  }

  #hide(text: string): string | undefined {
    if (this.#censor.removes) return undefined;
    return this.#place(() => (this.#isOurs ? text : this.#print(this.#parse(text)))).json;
  }

  #replace(value: unknown): unknown {
    // The library asks for what an object inherits too, and then leaves it alone.
    if (value === undefined || typeof value === 'function') return value;
    return this.#placed.has(value) ? value : this.#place(() => this.#print(value)).value;
  }

  #place(json: () => string): Replacement {
    if (!this.#censor.mustBeOnce) return this.#censor.replace(json);
    // Each takes 2 µs, and nearly nothing to write: 4 MiB of JSON hold two million numbers.
    if (this.#hashed >= MAX_HASHED) throw new RangeError(`more than ${MAX_HASHED} values to hash`);
    this.#hashed += 1;
    const placed = this.#censor.replace(json);
    this.#placed.add(placed.value);
    return placed;
  }

  #parse(text: string): unknown {
    this.#numbers = ExactNumbers.in(text);
    const value: unknown = JSON.parse(this.#numbers?.text ?? text);
    // To the library a member `__proto__` of an ordinary object would be its prototype.
    return text.includes('__proto__') || text.includes('\\u') ? withoutPrototypes(value) : value;
  }

  #print(value: unknown): string {
    const text = JSON.stringify(value ?? null);
    return this.#numbers === undefined ? text : this.#numbers.restore(text);
  }
}

/** Of one payload. */
const MAX_HASHED = 50_000;
/** Stands for the value that the library is given. */
const ROOT = 'root';

function withoutPrototypes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutPrototypes);
  const members: Record<string, unknown> = Object.create(null);
  for (const [name, member] of Object.entries(value)) members[name] = withoutPrototypes(member);
  return members;
}
