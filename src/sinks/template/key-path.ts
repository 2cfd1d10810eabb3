/**
 * The keys of an object in the order in which they were said, as a path through a tree: objects of one
 * kind take one path, so that their keys are sorted once and need not be cut out of the text again.
 */
export class KeyPath {
  /** How many there are. */
  static count = 0;

  readonly key: string;
  readonly #parent: KeyPath | undefined;
  readonly #children = new Map<string, KeyPath>();
  #order: readonly number[] | undefined;
  #isSorted = true;
  /** How the path went on the last time: `"key":`, and where to. */
  likely = '\u0000';
  next: KeyPath = this;
  #inside: KeyPath | undefined;

  constructor(key: string, parent?: KeyPath) {
    this.key = key;
    this.#parent = parent;
    KeyPath.count += 1;
  }

  /** Where the paths of objects begin that are the value of the last key. */
  get inside(): KeyPath {
    this.#inside ??= new KeyPath('');
    return this.#inside;
  }

  /** The path with one more key. */
  with(key: string): KeyPath {
    let child = this.#children.get(key);
    if (child === undefined) {
      child = new KeyPath(key, this);
      this.#children.set(key, child);
    }
    this.likely = `"${key}":`;
    this.next = child;
    return child;
  }

  /** Places of the members by their keys, of those with one key the last; undefined: all, as they are. */
  get order(): readonly number[] | undefined {
    if (this.#order === undefined) {
      const keys = this.#keys();
      this.#order = sortPlaces(keys);
      this.#isSorted =
        this.#order.length === keys.length && this.#order.every((place, index) => place === index);
    }
    return this.#isSorted ? undefined : this.#order;
  }

  #keys(): string[] {
    const keys: string[] = [];
    for (let path: KeyPath = this; path.#parent !== undefined; path = path.#parent) {
      keys.push(path.key);
    }
    return keys.reverse();
  }
}

function sortPlaces(keys: readonly string[]): number[] {
  const places = [...keys.keys()];
  // Without surrogates, which are kept away, strings compare as their bytes do.
  places.sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b));
  return places.filter((place, index) => keys[place] !== keys[places[index + 1] ?? -1]);
}
