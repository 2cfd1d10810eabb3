import { extname } from 'node:path';
import type { Document, Scalar } from 'yaml';
import { AuditConfigError, errorOf } from './fault.js';
import { readFileOf } from './file.js';

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;

/**
 * Reads a configuration file, YAML or JSON by its name.
 *
 * @throws {AuditConfigError} naming file, line and column, and nothing of what stands there.
 */
export async function readConfigFile(path: string): Promise<unknown> {
  const read = readFileOf(path, MAX_FILE_BYTES);
  if ('fault' in read) throw new AuditConfigError(`${path} ${read.fault}`, faultOf(read.fault));
  const extension = extname(path).toLowerCase();
  if (extension === '.json') return parseJson(path, read.text);
  if (extension === '.yaml' || extension === '.yml') return parseYaml(path, read.text);
  throw new AuditConfigError(`${path} must end in .yaml, .yml or .json`, faultOf('must end …'));
}

const faultOf = (message: string) => [{ path: '', message }];

/** JSON.parse quotes what it could not read: only the place is told on. */
function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const at = /position (\d+)/.exec((error as Error).message)?.[1];
    const where = at === undefined ? '' : ` at ${placeIn(text, Number(at))}`;
    throw errorOf(path, faultOf(`is not JSON${where}`));
  }
}

function placeIn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

async function parseYaml(path: string, text: string): Promise<unknown> {
  const yaml = await loadYaml(path);
  try {
    const document = yaml.parseDocument(text, {
      merge: true, // as Go's reader does
      prettyErrors: false, // pretty ones quote the line
      schema: 'core',
      uniqueKeys: false, // the parser's own look takes minutes for a section of 100,000 keys
    });
    const faults = [...document.errors, ...document.warnings, ...repeatedKeys(yaml, document)];
    if (faults.length > 0) {
      throw errorOf(
        path,
        faults.slice(0, 20).map(({ code, pos }) => {
          const what = code.toLowerCase().replaceAll('_', ' ');
          return { path: '', message: `is not YAML: ${what} at ${placeIn(text, pos[0])}` };
        }),
      );
    }
    keepOddNumbers(yaml, document);
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    if (error instanceof AuditConfigError) throw error;
    const why =
      error instanceof RangeError ? 'nested too deeply' : 'aliases that lead nowhere or too far';
    throw errorOf(path, faultOf(`is not YAML that can be read: ${why}`));
  }
}

/** Of a key that is there twice one value would count, and nobody could tell which. */
function repeatedKeys(
  yaml: typeof import('yaml'),
  document: Document,
): { readonly code: string; readonly pos: readonly [number] }[] {
  const repeated: { code: string; pos: [number] }[] = [];
  yaml.visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!yaml.isScalar(key)) continue;
        // In what it is read into, 1 and '1' are one.
        const name = String(key.value);
        if (seen.has(name)) repeated.push({ code: 'DUPLICATE_KEY', pos: [key.range?.[0] ?? 0] });
        seen.add(name);
      }
    },
  });
  return repeated;
}

/** `0123` and `1e3` stay the texts that they are: a password must not become another. */
function keepOddNumbers(yaml: typeof import('yaml'), document: Document): void {
  yaml.visit(document, {
    Scalar(_, node: Scalar) {
      if (typeof node.value === 'number' && node.source !== undefined) {
        if (String(node.value) !== node.source) node.value = node.source;
      }
    },
  });
}

async function loadYaml(path: string): Promise<typeof import('yaml')> {
  try {
    return await import('yaml');
  } catch (cause) {
    const message = `${path} cannot be read without the package yaml: npm install yaml@2`;
    throw new AuditConfigError(message, faultOf(message), { cause });
  }
}
