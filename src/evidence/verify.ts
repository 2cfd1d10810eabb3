import fs from 'node:fs';
import { join } from 'node:path';
import { AuditError } from '../errors.js';
import { readCursorsSync } from '../ledger/cursor.js';
import { codeOf, unavailable } from '../ledger/files.js';
import { type Manifest, readManifestSync } from '../ledger/manifest.js';
import { listSegmentsSync } from '../ledger/segment.js';
import { ChainWalk } from './chain-walk.js';
import { type CheckedCheckpoints, checkCheckpointsSync } from './checkpoint-check.js';
import type { VerifiedCursor, VerifyFault, VerifyReport } from './report.js';
import { TreeCheck } from './tree-check.js';

/** How a ledger is verified. */
export interface VerifyOptions {
  /**
   * Signed checkpoints that were kept elsewhere: the texts of C2SP signed notes. Those in the ledger's own folder are
   * always compared.
   */
  readonly checkpoint?: string | readonly string[] | undefined;
  /**
   * The Ed25519 key that every checkpoint must be signed with: SPKI in PEM, or a verifier key
   * `<name>+<key id>+<Base64>`; several where the key has been changed. Without one no signature is
   * checked, and whoever altered the ledger may have made the checkpoints in its folder too.
   */
  readonly publicKey?: string | readonly string[] | undefined;
  /**
   * Builds the whole Merkle tree too, for its root, and compares it with the hashes in `checkpoints/hashes`,
   * from which proofs are made: three times the work. Default: false; what binds the records to the checkpoints is
   * checked all the same.
   */
  readonly full?: boolean | undefined;
  /** Told after each MiB how far it is. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

/** How far verifying is. */
export interface VerifyProgress {
  readonly bytes: number;
  /** As it was when it began; a ledger in use grows. */
  readonly totalBytes: number;
  readonly records: number;
}

/** A running writer may remove old segments while they are read; this often it is begun anew. */
const MAX_ATTEMPTS = 5;

/**
 * Verifies a ledger from its first record to its newest: chain, numbers, cursors, the Merkle tree and the
 * checkpoints. Reads everything once, in constant memory; changes nothing; works beside a running
 * writer.
 *
 * @param directory one ledger: a slot, not the parent of slots
 * @returns what was found; what is wrong with the evidence is no error but in the report
 * @throws {AuditError} `ledger-unavailable` if the folder is no ledger or cannot be read;
 *   `ledger-corrupt` if something that is no file stands in a file's place; `invalid-option`, also for an
 *   option that there is not: a key whose name is misspelt would check nothing
 */
export async function verifyLedger(
  directory: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  requireKnown(options);
  for (let attempt = 1; ; attempt += 1) {
    const first = firstOf(directory);
    try {
      const found = await verifyOnce(directory, options, options.full ?? false);
      // What retention took away between two looks is not missing.
      if (found.ok || firstOf(directory) === first || attempt === MAX_ATTEMPTS) return found;
    } catch (error) {
      if (error instanceof AuditError) throw error;
      const hasMoved = codeOf(error) === 'ENOENT' && firstOf(directory) !== first;
      if (!hasMoved || attempt === MAX_ATTEMPTS)
        throw unavailable(`${directory} cannot be read`, error);
    }
  }
}

const OPTIONS = ['checkpoint', 'publicKey', 'full', 'onProgress'];

function requireKnown(options: VerifyOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new AuditError('invalid-option', 'verifyLedger: options must be an object');
  }
  const unknown = Object.keys(options).find((key) => !OPTIONS.includes(key));
  if (unknown === undefined) return;
  throw new AuditError(
    'invalid-option',
    `verifyLedger has no option ${unknown}; it has ${OPTIONS.join(', ')}`,
  );
}

async function verifyOnce(
  directory: string,
  options: VerifyOptions,
  isFull: boolean,
): Promise<VerifyReport> {
  const manifest = readManifest(directory);
  // Before the segments: what a running writer adds meanwhile must not seem to be missing.
  const cursors = readCursors(directory);
  const checked = checkCheckpointsSync(directory, options.checkpoint, options.publicKey);
  const faults: VerifyFault[] = [...cursors.faults, ...checked.faults];
  if (manifest instanceof AuditError) {
    const file = join(directory, 'ledger.json');
    const kind = fs.existsSync(file) ? 'altered' : 'missing';
    faults.unshift({ kind, file, explanation: manifest.message });
    return report(directory, undefined, undefined, undefined, cursors.cursors, checked, faults);
  }
  const tree = beginTree(directory, manifest, checked, isFull);
  if (tree !== undefined && !(tree instanceof TreeCheck)) faults.push(tree);
  const check = tree instanceof TreeCheck ? tree : undefined;
  const walk = new ChainWalk(directory, manifest, check, () => {
    const records = walk.newest - walk.first + 1;
    options.onProgress?.({ bytes: walk.bytes, totalBytes, records });
  });
  const { totalBytes } = walk;
  await walk.run();
  if (check?.isInDoubt === true) return verifyOnce(directory, options, true);
  if (walk.fault !== undefined) faults.unshift(walk.fault);
  else faults.unshift(...truncations(walk, cursors.cursors, checked));
  if (check !== undefined) faults.push(...check.faults((sequence) => walk.placeOf(sequence)));
  return report(directory, manifest, walk, check, cursors.cursors, checked, faults);
}

function report(
  directory: string,
  manifest: Manifest | undefined,
  walk: ChainWalk | undefined,
  tree: TreeCheck | undefined,
  cursors: readonly VerifiedCursor[],
  { checkpoints }: CheckedCheckpoints,
  found: readonly VerifyFault[],
): VerifyReport {
  // By the number of the record; those of no one record come last. The order is stable otherwise.
  const placeOf = ({ sequence }: VerifyFault) => sequence ?? Number.MAX_SAFE_INTEGER;
  const faults = [...found].sort((a, b) => placeOf(a) - placeOf(b));
  const first = walk?.first ?? 1;
  // A record that the tree shows to be altered is none that is as it was recorded, though it chains.
  const altered =
    faults.find(({ kind }) => kind === 'altered')?.sequence ?? Number.POSITIVE_INFINITY;
  const sound = Math.min(walk?.newest ?? 0, altered - 1);
  const isWhole = walk !== undefined && sound === walk.newest;
  return {
    ok: faults.length === 0,
    directory,
    stream: manifest?.stream,
    fault: faults[0],
    faults,
    first,
    records: Math.max(0, sound - first + 1),
    bytes: walk?.bytes ?? 0,
    head: isWhole && sound >= first ? { sequence: sound, hash: walk.hash } : undefined,
    root: isWhole ? tree?.root() : undefined,
    superseded: walk?.superseded ?? 0,
    cursors,
    checkpoints,
  };
}

function beginTree(
  directory: string,
  { first }: Manifest,
  { heads, kept }: CheckedCheckpoints,
  isFull: boolean,
): TreeCheck | VerifyFault | undefined {
  if (!isFull && heads.length === 0) return undefined;
  return TreeCheck.begin(directory, first.sequence, heads, kept, isFull);
}

/** What somebody has shown to have been there and is not. */
function truncations(
  { newest, file }: ChainWalk,
  cursors: readonly VerifiedCursor[],
  { heads }: CheckedCheckpoints,
): VerifyFault[] {
  const witnesses = [
    ...heads.map(({ size, file: name }) => ({ upTo: size, says: `${name} covers` })),
    ...cursors.map(({ acknowledged, sink }) => ({
      upTo: acknowledged,
      says: `sink ${sink} has acknowledged`,
    })),
  ];
  const furthest = witnesses.reduce((a, b) => (b.upTo > a.upTo ? b : a), { upTo: 0, says: '' });
  if (furthest.upTo <= newest) return [];
  const explanation = `the ledger ends with record ${newest}, but ${furthest.says} record ${furthest.upTo}`;
  return [{ kind: 'truncated', sequence: newest + 1, file, explanation }];
}

function readCursors(directory: string): {
  readonly cursors: readonly VerifiedCursor[];
  readonly faults: readonly VerifyFault[];
} {
  try {
    const cursors = [...readCursorsSync(directory)].map(([sink, { acknowledged, waiting }]) => ({
      sink,
      acknowledged,
      waiting: waiting.length,
    }));
    return { cursors, faults: [] };
  } catch (error) {
    if (!(error instanceof AuditError)) throw error;
    const file = join(directory, 'cursors');
    return { cursors: [], faults: [{ kind: 'altered', file, explanation: error.message }] };
  }
}

/**
 * @returns the error if it is damaged, or missing from a folder with segments
 * @throws {AuditError} `ledger-unavailable` for a folder that is no ledger at all
 */
function readManifest(directory: string): Manifest | AuditError {
  try {
    const manifest = readManifestSync(directory);
    if (manifest !== undefined) return manifest;
  } catch (error) {
    if (error instanceof AuditError) return error;
    throw error;
  }
  if (segmentsOf(directory) > 0) {
    return new AuditError('ledger-corrupt', `${directory} has segments but no ledger.json`);
  }
  throw new AuditError('ledger-unavailable', `${directory} is no ledger: it has no ledger.json`);
}

function segmentsOf(directory: string): number {
  try {
    return listSegmentsSync(directory).length;
  } catch (error) {
    throw unavailable(`${directory} cannot be read`, error);
  }
}

function firstOf(directory: string): number | undefined {
  try {
    return readManifestSync(directory)?.first.sequence;
  } catch {
    return undefined;
  }
}
