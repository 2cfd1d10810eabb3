import type { AuditError } from '../../errors.js';
import type { Censor } from './censor.js';
import { loadRedact, type RedactValue } from './library.js';
import type { NameFinder } from './names.js';
import { ExactNumbers } from './numbers.js';
import type { ParsedPath } from './path.js';

type PlacedPath = Extract<ParsedPath, { readonly segments: readonly string[] }>;

/** Hides values in the JSON text of a payload or an actor. */
export class TextRedactor {
  readonly #root: 'payload' | 'actor';
  readonly #names: NameFinder;
  readonly #censor: Censor;
  /** Everything goes. */
  readonly #removesAll: boolean;
  readonly #redactPaths: RedactValue | undefined;
  /** What every text contains that a path leads into, as `JSON.stringify` prints it. */
  readonly #mark: RegExp | undefined;
  /** What this call has put in the place of values, so that none is hidden twice. */
  readonly #placed = new Set<unknown>();
  #numbers: ExactNumbers | undefined;

  constructor(
    root: 'payload' | 'actor',
    paths: readonly ParsedPath[],
    names: NameFinder,
    censor: Censor,
    refuse: (fault: string) => AuditError,
  ) {
    const own = paths.filter((path): path is PlacedPath => path.root === root);
    this.#root = root;
    this.#names = names;
    this.#censor = censor;
    this.#removesAll = censor.removes && own.some(({ segments }) => segments.length === 0);
    // An actor is an object: it stays one, with every member hidden.
    const segments = own.map((path) =>
      path.segments.length === 0 && root === 'actor' ? ['*'] : path.segments,
    );
    this.#mark = markOf(segments);
    this.#redactPaths =
      segments.length === 0
        ? undefined
        : loadRedact(
            segments.map((rest) => [root, ...rest]),
            censor.removes ? undefined : (value) => this.#replace(value),
            refuse,
          );
  }

  /**
   * The text without what is to be hidden; undefined where nothing is left.
   *
   * @param isOurs `JSON.stringify` has made it
   * @throws {RangeError} where it is nested too deeply
   */
  redact(text: string, isOurs: boolean): string | undefined {
    if (this.#removesAll) return undefined;
    const leads = this.#redactPaths !== undefined && !(isOurs && this.#mark?.test(text) === false);
    if (isOurs && !leads && this.#names.isEmpty) return text;
    try {
      this.#numbers = ExactNumbers.in(text);
      let value: unknown = JSON.parse(this.#numbers?.text ?? text);
      // To the library a member `__proto__` of an ordinary object would be its prototype.
      if (leads && (text.includes('__proto__') || text.includes('\\u')))
        value = withoutPrototypes(value);
      const found = !this.#names.isEmpty && this.#hideNames(value);
      if (leads) value = this.#redactPaths!({ [this.#root]: value })[this.#root];
      // What is not ours may name a member twice, or write a name in escapes: it is printed anew.
      return isOurs && !leads && !found ? text : this.#print(value);
    } finally {
      this.#placed.clear();
      this.#numbers = undefined;
    }
  }

  /** Not by recursion, for a text may be nested deeply. */
  #hideNames(root: unknown): boolean {
    let found = false;
    const pending: unknown[] = [root];
    while (pending.length > 0) {
      const value = pending.pop();
      if (typeof value !== 'object' || value === null) continue;
      if (Array.isArray(value)) {
        for (const element of value) pending.push(element);
        continue;
      }
      const members = value as Record<string, unknown>;
      for (const name of Object.keys(members)) {
        if (!this.#names.has(name)) pending.push(members[name]);
        else {
          found = true;
          if (this.#censor.removes) delete members[name];
          else members[name] = this.#replace(members[name]); // it is there: no setter is asked
        }
      }
    }
    return found;
  }

  #replace(value: unknown): unknown {
    if (value === undefined || this.#placed.has(value)) return value;
    const placed = this.#censor.replace(this.#print(value) ?? '');
    this.#placed.add(placed);
    return placed;
  }

  #print(value: unknown): string | undefined {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined || this.#numbers === undefined ? text : this.#numbers.restore(text);
  }
}

/** Undefined where a path has no name that a text could be searched for. */
function markOf(paths: readonly (readonly string[])[]): RegExp | undefined {
  const names = paths.map((segments) =>
    segments.findLast((segment) => segment !== '*' && !/^\d+$/.test(segment)),
  );
  if (names.length === 0 || names.includes(undefined)) return undefined;
  const marks = new Set(
    names.map((name) => JSON.stringify(name).slice(1).replace(SPECIAL, '\\$&')),
  );
  return new RegExp(`"(?:${[...marks].join('|')}):`);
}

const SPECIAL = /[\\^$.*+?()[\]{}|]/g;

function withoutPrototypes(root: unknown): unknown {
  const copy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(copy);
    const members: Record<string, unknown> = Object.create(null);
    for (const [name, member] of Object.entries(value)) members[name] = copy(member);
    return members;
  };
  return copy(root);
}
