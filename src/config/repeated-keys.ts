import type { Document, Node } from 'yaml';

// Of a key that is there twice one value would count, and nobody could tell which: a `redact` further down
// would switch off the one that everybody reads. Only the place is told: a key may be a secret that was
// written on the wrong line.

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],]/g;

/**
 * Where an object has a key again, however it is spelt, in characters from the beginning. `JSON.parse` takes
 * the last of them.
 *
 * @param text valid JSON
 */
export function repeatedInJson(text: string): number[] {
  const repeated: number[] = [];
  /** The names in each object round the present place; undefined: a list. */
  const outer: (Set<string> | undefined)[] = [];
  let expectsName = false;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') outer.push(token === '{' ? new Set() : undefined);
    else if (token === '}' || token === ']') outer.pop();
    const names = outer.at(-1);
    if (expectsName && names !== undefined && token.startsWith('"')) {
      const name = JSON.parse(token) as string;
      if (names.has(name)) repeated.push(index);
      names.add(name);
    }
    expectsName = token === '{' || (token === ',' && names !== undefined);
  }
  return repeated;
}

/** The same in YAML, whose parser takes minutes to look for them in a section of 100,000 keys. */
export function repeatedInYaml(yaml: typeof import('yaml'), document: Document): number[] {
  const repeated: number[] = [];
  yaml.visit(document, {
    Map(_, { items }) {
      const seen = new Set<string>();
      for (const { key } of items) {
        const node = yaml.isAlias(key) ? key.resolve(document) : key;
        if (!yaml.isScalar(node)) continue;
        // In what it is read into, 1 and '1' are one.
        const name = String(node.value);
        if (seen.has(name)) repeated.push((key as Node).range?.[0] ?? 0);
        seen.add(name);
      }
    },
  });
  return repeated;
}
