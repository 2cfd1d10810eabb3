/** A flag or a segment. */
export interface Item {
  readonly key: string;
  readonly name: string;
  readonly enabled: boolean;
}

/** Items by key, in memory. */
export class Store {
  readonly #items = new Map<string, Item>();

  list(): Item[] {
    return [...this.#items.values()];
  }

  has(key: string): boolean {
    return this.#items.has(key);
  }

  put(item: Item): Item {
    this.#items.set(item.key, item);
    return item;
  }

  /** The item that was removed, or undefined when there was none. */
  remove(key: string): Item | undefined {
    const item = this.#items.get(key);
    this.#items.delete(key);
    return item;
  }
}

/** Reads an item from a request's body, which is anybody's; undefined when it is none. */
export function parseItem(key: unknown, body: unknown): Item | undefined {
  if (typeof key !== 'string' || !/^[a-z0-9-]{1,64}$/.test(key)) return undefined;
  const { name = key, enabled = false } = (body ?? {}) as { name?: unknown; enabled?: unknown };
  if (typeof name !== 'string' || typeof enabled !== 'boolean') return undefined;
  return { key, name, enabled };
}
