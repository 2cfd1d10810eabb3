import { extname } from 'node:path';
import type { Document, Scalar } from 'yaml';
import { AuditConfigError, errorOf } from './fault.js';
import { readFileOf } from './file.js';
import { repeatedInJson, repeatedInYaml } from './repeated-keys.js';

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;
const DUPLICATE = 'DUPLICATE_KEY';
/** Told at once of a file that cannot be read. */
const MAX_FAULTS = 20;

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
function parseJson(path: string, given: string): unknown {
  const text = given.replace(/^\uFEFF/, '');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const at = /position (\d+)/.exec((error as Error).message)?.[1];
    const where = at === undefined ? '' : ` at ${placeIn(text, Number(at))}`;
    throw errorOf(path, faultOf(`is not JSON${where}`));
  }
  const repeated = repeatedInJson(text).slice(0, MAX_FAULTS);
  if (repeated.length === 0) return value;
  throw errorOf(
    path,
    repeated.flatMap((at) => faultOf(`is ambiguous JSON: duplicate key at ${placeIn(text, at)}`)),
  );
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
      uniqueKeys: false, // we look ourselves
    });
    const repeated = repeatedInYaml(yaml, document).map((at) => ({ code: DUPLICATE, pos: [at] }));
    const faults = [...document.errors, ...document.warnings, ...repeated];
    if (faults.length > 0) {
      throw errorOf(
        path,
        faults.slice(0, MAX_FAULTS).map(({ code, pos }) => {
          const what = code.toLowerCase().replaceAll('_', ' ');
          return { path: '', message: `is not YAML: ${what} at ${placeIn(text, pos[0]!)}` };
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
