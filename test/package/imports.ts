import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';

/** File by path from `src`, with `/`, to its text. */
export type Sources = Readonly<Record<string, string>>;

export function readSources(folder: string): Sources {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths.map((path) => [relative(folder, path).split(sep).join('/'), readFileSync(path, 'utf8')]),
  );
}

/** Every module specifier that a file names, types included. */
export function specifiersOf(text: string): string[] {
  const code = withoutComments(text);
  const found = [
    ...code.matchAll(/^\s*(?:import|export)\s[^;'"`]*?\bfrom\s*(['"])(.+?)\1/gm),
    ...code.matchAll(/^\s*import\s*(['"])(.+?)\1/gm),
    ...code.matchAll(/\b(?:import|require)\s*\(\s*(['"`])(.+?)\1/g),
  ];
  return found.map((match) => match[2]!);
}

/** Comments may quote an import in an example, and a long text another language's; strings with `//` stay. */
function withoutComments(text: string): string {
  return text.replace(
    /`(?:\\[\s\S]|[^\\`])*`|(['"])(?:\\.|(?!\1)[^\\\n])*\1|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (match) => {
      if (match.startsWith('/')) return '';
      return match.startsWith('`') && match.includes('\n') ? '``' : match;
    },
  );
}

/** Package names that a file imports, Node's own modules left out. */
export function packagesOf(text: string): string[] {
  return specifiersOf(text)
    .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
    .map((specifier) =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    );
}

const FLOORS: readonly (readonly string[])[] = [
  [
    'errors.ts',
    'receipt.ts',
    'turn.ts',
    'process-exit.ts',
    'clock.ts',
    'diagnostics.ts',
    'burst.ts',
  ],
  ['event/'],
  ['checker.ts', 'catalogue.ts', 'sink.ts', 'http/', 'diff.ts'],
  ['ledger/', 'sinks/', 'interceptors/', 'flipt/'],
  ['delivery/', 'evidence/'],
  ['exporter/'],
  ['testing/', 'config/'],
  ['register/', 'cli/'],
];

/** What neighbours in these folders may not know of one another. */
const APART = ['sinks/', 'interceptors/'];

/** What all of their neighbours stand on. */
const COMMON = [
  'interceptors/actor.ts',
  'interceptors/audit-request.ts',
  'interceptors/client-address.ts',
  'interceptors/outcome.ts',
  'interceptors/record.ts',
];

/** A preset belongs to the sink that it sets up, an adapter to what it adapts. */
const PART_OF: Readonly<Record<string, string>> = {
  cloud: 'template',
  express: 'http',
  fastify: 'http',
  hono: 'http',
};

/**
 * Every breach of the house's rules: an import that runs upward, one between two neighbours that are
 * kept apart, a file that stands on no floor, an import that leads nowhere, a circle.
 */
export function findBreaches(sources: Sources): string[] {
  const breaches: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, text] of Object.entries(sources)) {
    const targets = specifiersOf(text)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts'));
    graph.set(file, targets);
    if (file !== 'index.ts' && floorOf(file) < 0) breaches.push(`${file} stands on no floor`);
    for (const target of targets) {
      if (sources[target] === undefined)
        breaches.push(`${file} imports ${target}, which is absent`);
      else if (file === 'index.ts') continue;
      else if (target === 'index.ts' || floorOf(target) > floorOf(file)) {
        breaches.push(`${file} imports ${target}, which is above it`);
      } else if (areKeptApart(file, target)) {
        breaches.push(`${file} imports ${target}, which is beside it`);
      }
    }
  }
  return [...breaches, ...findCircles(graph)];
}

function floorOf(file: string): number {
  return FLOORS.findIndex((entries) =>
    entries.some((entry) => (entry.endsWith('/') ? file.startsWith(entry) : file === entry)),
  );
}

/** `sinks/kafka.ts` and `sinks/kafka/wire.ts` are one sink; `sinks/log.ts` is another. */
function areKeptApart(a: string, b: string): boolean {
  if (COMMON.includes(b)) return false;
  return APART.some((folder) => {
    if (!a.startsWith(folder) || !b.startsWith(folder)) return false;
    const ownerOf = (file: string) => {
      const name = file.slice(folder.length).split('/')[0]!.replace(/\.ts$/, '');
      return PART_OF[name] ?? name;
    };
    return ownerOf(a) !== ownerOf(b);
  });
}

function findCircles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      circles.push(`a circle: ${[...path.slice(at), file].join(' → ')}`);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return circles;
}
