import { join } from 'node:path';
import { AuditError } from '../errors.js';
import { replaceFileSync } from './files.js';
import { readTextSync } from './plain-file.js';
import { NO_HASH } from './record.js';

const FORMAT = 1;

/** What `ledger.json` says. */
export interface Manifest {
  readonly format: typeof FORMAT;
  /** The ledger's UUID. */
  readonly stream: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Where the chain begins: retention moves this on, so that a shortened head is explained. */
  readonly first: { readonly sequence: number; readonly previousHash: string };
}

/** The manifest of a ledger, or undefined where there is none. */
export function readManifestSync(directory: string): Manifest | undefined {
  const path = join(directory, 'ledger.json');
  const text = readTextSync(path);
  if (text === undefined) return undefined;
  const manifest = parse(text);
  if (manifest === undefined) {
    throw new AuditError(
      'ledger-corrupt',
      `${path} is not a ledger's description, or of a format this version does not know; restore it from a copy`,
    );
  }
  return manifest;
}

/** The manifest of a ledger that begins now. */
export function newManifest(createdAt: string): Manifest {
  const first = { sequence: 1, previousHash: NO_HASH };
  return { format: FORMAT, stream: crypto.randomUUID(), createdAt, first };
}

export function writeManifestSync(directory: string, manifest: Manifest): void {
  replaceFileSync(join(directory, 'ledger.json'), `${JSON.stringify(manifest)}\n`);
}

function parse(text: string): Manifest | undefined {
  try {
    const { format, stream, createdAt, first } = JSON.parse(text) as Manifest;
    const { sequence, previousHash } = first;
    const sound =
      format === FORMAT &&
      typeof stream === 'string' &&
      typeof createdAt === 'string' &&
      Number.isSafeInteger(sequence) &&
      sequence >= 1 &&
      /^[0-9a-f]{64}$/.test(previousHash);
    return sound ? { format, stream, createdAt, first: { sequence, previousHash } } : undefined;
  } catch {
    return undefined;
  }
}
