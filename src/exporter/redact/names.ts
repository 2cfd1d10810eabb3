import type { ParsedPath } from './path.js';

/** A normalized name ends with one of them. */
const CREDENTIAL =
  /(?:passwords?|passwd|pwd|passphrase|passcode|secrets?|tokens?|cookies?|authorization|credentials?|(?:api|access|secret|private|signing|encryption)keys?|connectionstring|jwt|otp)$/;

const MAX_KNOWN = 1024;
const MAX_KNOWN_LENGTH = 64;

/** Which members are hidden at any depth. */
export class NameFinder {
  readonly isEmpty: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #credentials: boolean;
  // The same few names come again and again.
  readonly #known = new Map<string, boolean>();

  constructor(paths: readonly ParsedPath[]) {
    this.#names = new Set(
      paths.flatMap((path) => (path.root === 'any' ? [normalize(path.name)] : [])),
    );
    this.#credentials = paths.some(({ root }) => root === 'credentials');
    this.isEmpty = this.#names.size === 0 && !this.#credentials;
  }

  has(name: string): boolean {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const normalized = normalize(name);
    const found = this.#names.has(normalized) || (this.#credentials && CREDENTIAL.test(normalized));
    if (name.length <= MAX_KNOWN_LENGTH) {
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      this.#known.set(name, found);
    }
    return found;
  }
}

/** What does not tell names apart: what joins words, and what nobody sees. */
const IGNORED = /[-_.\s\p{Default_Ignorable_Code_Point}]/gu;

const ASCII = /^[\0-\x7f]*$/;
/** Of so many characters at the end: what Unicode does takes time by the square, a minute for 200,000 marks. */
const MAX_NORMALIZED = 64;

/** In one spelling: `ｐａｓｓｗｏｒｄ` is `password` to whoever reads it (UAX #15, NFKC). */
function normalize(name: string): string {
  const bare = name.replace(IGNORED, '');
  if (ASCII.test(bare)) return bare.toLowerCase();
  const start = Math.max(0, bare.length - MAX_NORMALIZED);
  const end = bare.slice(start).normalize('NFKC').replace(IGNORED, '');
  return (bare.slice(0, start) + end).toLowerCase();
}
