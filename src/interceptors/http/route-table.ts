import { invalidOption, show } from '../../http/options.js';

/** A route that a request met. */
export interface RouteMatch<Target> {
  readonly target: Target;
  /** As it was written: `PUT /flags/:key`. */
  readonly route: string;
  /** What stands in the path for each `:name`, percent-decoded; without a prototype. */
  readonly params: { readonly [name: string]: string };
}

/** What a framework says of the way that a request takes through it. */
export interface Routing {
  /** The path that it routes by, where that may not be the target's; anybody's, and a query may follow. */
  readonly routed?: string | undefined;
  /** Its own route, such as `/flags/:key`, where it is known already. */
  readonly pattern?: string | undefined;
}

/** Which route a request meets. */
export interface RouteTable<Target> {
  /**
   * @param method in upper case
   * @param target the request's, as it came: a path with a query or an absolute URL; anybody's
   */
  find(method: string, target: string, routing?: Routing): RouteMatch<Target> | undefined;
}

interface Leaf<Target> {
  readonly target: Target;
  readonly route: string;
  readonly names: readonly string[];
}

interface Node<Target> {
  readonly literals: Map<string, Node<Target>>;
  parameter: Node<Target> | undefined;
  leaf: Leaf<Target> | undefined;
  /** A `*` at the end: whatever follows, nothing too. */
  rest: Leaf<Target> | undefined;
}

const ANY_METHOD = '*';

/**
 * Compiles routes, `METHOD /path/:parameter/*`. A literal goes before a parameter, and a parameter before
 * `*`, whatever the order; a method goes before `*`, and GET stands for HEAD too.
 *
 * A path is read as leniently as the most lenient router does: percent-decoded, letter case, repeated and
 * trailing slashes and dot segments ignored. One that matches here and not in the router is answered 404
 * and not audited; one that matched there alone would be a way round the audit.
 *
 * @throws {AuditError} `invalid-option`, naming the route.
 */
export function compileRoutes<Target>(
  path: string,
  routes: readonly (readonly [route: string, target: Target])[],
): RouteTable<Target> {
  const methods = new Map<string, Node<Target>>();
  for (const [route, target] of routes) {
    const where = `${path}[${show(route)}]`;
    const [, method, pattern] = /^(\*|[A-Za-z][A-Za-z-]*) (\/\S*)$/.exec(route) ?? [];
    if (method === undefined || pattern === undefined) {
      throw invalidOption(where, "must be a method, a space and a path, as 'POST /flags'");
    }
    const name = method.toUpperCase();
    const root = methods.get(name) ?? newNode();
    methods.set(name, root);
    plant(where, root, pattern, { target, route });
  }
  const roots = (method: string) =>
    [
      methods.get(method),
      method === 'HEAD' ? methods.get('GET') : undefined,
      methods.get(ANY_METHOD),
    ].filter((root) => root !== undefined);
  const rootsOf = new Map([...methods.keys(), 'HEAD'].map((method) => [method, roots(method)]));
  const others = roots(ANY_METHOD);

  return {
    find(method, requestTarget, { routed, pattern } = {}) {
      const candidates = rootsOf.get(method) ?? others;
      if (candidates.length === 0) return undefined;
      const paths = readPaths(requestTarget, routed);
      for (const root of candidates) {
        for (const segments of paths) {
          const found = walk(root, segments, 0, []);
          if (found !== undefined) return found;
        }
      }
      // The framework saw a route where we saw none: its word counts, for it decides what runs.
      if (pattern === undefined) return undefined;
      const segments = splitPath(pattern);
      for (const root of candidates) {
        const found = walk(root, segments, 0, []);
        if (found !== undefined) return { ...found, params: NO_PARAMS };
      }
      return undefined;
    },
  };
}

const newNode = <Target>(): Node<Target> => ({
  literals: new Map(),
  parameter: undefined,
  leaf: undefined,
  rest: undefined,
});

function plant<Target>(
  where: string,
  root: Node<Target>,
  pattern: string,
  { target, route }: { readonly target: Target; readonly route: string },
): void {
  const names: string[] = [];
  const segments = splitPath(pattern);
  let node = root;
  for (const [index, segment] of segments.entries()) {
    if (segment === '*') {
      if (index !== segments.length - 1) throw invalidOption(where, "may have '*' only at its end");
      if (node.rest !== undefined) throw repeated(where, node.rest.route);
      node.rest = { target, route, names };
      return;
    }
    if (segment.startsWith(':')) {
      const name = segment.slice(1);
      if (!/^[A-Za-z_]\w*$/.test(name) || names.includes(name)) {
        throw invalidOption(
          where,
          `has ${show(segment)}; a parameter is a whole segment with a name of its own, as '/flags/:key'`,
        );
      }
      names.push(name);
      node.parameter ??= newNode();
      node = node.parameter;
      continue;
    }
    if (/[:*?(){}[\]+!#\\]/.test(segment)) {
      throw invalidOption(
        where,
        `has ${show(segment)}; a segment is a text, a parameter ':name' or, at the end, '*'`,
      );
    }
    const literal = fold(segment);
    const next = node.literals.get(literal) ?? newNode();
    node.literals.set(literal, next);
    node = next;
  }
  if (node.leaf !== undefined) throw repeated(where, node.leaf.route);
  node.leaf = { target, route, names };
}

const repeated = (where: string, other: string) =>
  invalidOption(where, `matches the same requests as ${show(other)}`);

function walk<Target>(
  node: Node<Target>,
  segments: readonly string[],
  index: number,
  values: string[],
): RouteMatch<Target> | undefined {
  const segment = segments[index];
  if (segment === undefined) {
    const leaf = node.leaf ?? node.rest;
    return leaf === undefined ? undefined : matched(leaf, values);
  }
  const literal = node.literals.get(fold(segment));
  const byLiteral = literal && walk(literal, segments, index + 1, values);
  if (byLiteral !== undefined) return byLiteral;
  if (node.parameter !== undefined) {
    values.push(segment);
    const byParameter = walk(node.parameter, segments, index + 1, values);
    if (byParameter !== undefined) return byParameter;
    values.pop();
  }
  return node.rest === undefined ? undefined : matched(node.rest, values);
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

function matched<Target>(
  { target, route, names }: Leaf<Target>,
  values: readonly string[],
): RouteMatch<Target> {
  if (names.length === 0) return { target, route, params: NO_PARAMS };
  const params = Object.create(null) as Record<string, string>;
  for (const [index, name] of names.entries()) params[name] = decode(values[index]!);
  return { target, route, params };
}

/**
 * The segments of what a framework routes by; where nobody says what that is, of the target as a URL parser
 * reads it; then of the target as it stands and as it could be read. Their number is bounded by Node's limit
 * on a request's head, 16 KiB.
 */
function readPaths(target: string, routed: string | undefined): readonly (readonly string[])[] {
  const path = pathOf(target);
  const segments = splitPath(path);
  const hasDots = /\.|%2e/i.test(path);
  if (routed === undefined) return hasDots ? [resolveDots(path), segments] : [segments];
  const paths = hasDots ? [segments, resolveDots(path)] : [segments];
  return routed === target || routed === path ? paths : [splitPath(pathOf(routed)), ...paths];
}

/** The path of a request's target (RFC 9112, 3.2), which may be an absolute URL. */
export function pathOf(target: string): string {
  const path = target.startsWith('/')
    ? target
    : target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '');
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}

/** What a URL parser makes of `.` and `..` (WHATWG URL, path state), percent-encoded ones too. */
function resolveDots(path: string): string[] {
  const resolved: string[] = [];
  for (const segment of path.split(SLASH)) {
    const dots = segment.replace(/%2e/gi, '.');
    if (dots === '..')
      resolved.pop(); // an empty segment too
    else if (dots !== '.') resolved.push(segment);
  }
  return resolved.filter(isNotEmpty);
}

const SLASH = /[/\\]/;
const isNotEmpty = (segment: string): boolean => segment !== '';
const splitPath = (path: string): string[] => path.split(SLASH).filter(isNotEmpty);

const fold = (segment: string): string => decode(segment).toLowerCase();

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
