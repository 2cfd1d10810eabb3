import { AuditError } from '../errors.js';
import { checkpointPath, listCheckpointsSync } from '../ledger/checkpoint-files.js';
import { codeOf, unavailable } from '../ledger/files.js';
import { readTextSync } from '../ledger/plain-file.js';
import { type Checkpoint, openCheckpoint } from './checkpoint.js';
import { parseCheckpoint } from './checkpoint-note.js';
import { Frontier, fromBase64, type Hash, leafHash, toBase64 } from './merkle.js';
import { consistencyPath, inclusionPath, isConsistent, isIncluded } from './merkle-paths.js';
import { TreeFiles } from './tree-files.js';

/** Proof that a record is in a tree (RFC 6962, 2.1.1). */
export interface InclusionProof {
  /** The record's number; its leaf is the one before: `sequence - 1`, from 0. */
  readonly sequence: number;
  /** How many records the tree has. */
  readonly size: number;
  /** The tree's root, in Base64. */
  readonly root: string;
  /** From the leaf's sibling to a child of the root, in Base64. */
  readonly hashes: readonly string[];
}

/** Proof that a tree begins with all of an earlier one (RFC 6962, 2.1.2). */
export interface ConsistencyProof {
  readonly from: number;
  /** The earlier tree's root, in Base64. */
  readonly fromRoot: string;
  readonly to: number;
  readonly toRoot: string;
  /** In Base64. */
  readonly hashes: readonly string[];
}

/**
 * Proves that a record is in a ledger. Reads some files of hashes, at most 8 KiB for each eighth level of
 * the tree, and no record.
 *
 * @param size of the tree: of any checkpoint that covers the record. Default: the newest one
 * @throws {AuditError} `invalid-option` if no checkpoint covers it, or it is in no tree;
 *   `ledger-corrupt` if hashes are missing; `ledger-unavailable`
 */
export function proveInclusion(directory: string, sequence: number, size?: number): InclusionProof {
  const tree = openTree(directory, size);
  if (!Number.isSafeInteger(sequence) || sequence <= tree.files.start || sequence > tree.size) {
    throw new AuditError(
      'invalid-option',
      `record ${sequence} of ${directory} cannot be proved: the tree has records ${tree.files.start + 1} to ${tree.size}`,
    );
  }
  const hashes = tree.read((files) => inclusionPath(sequence - 1, tree.size, files.node));
  return { sequence, size: tree.size, root: tree.root(), hashes: hashes.map(toBase64) };
}

/**
 * Proves that a ledger only grew between two checkpoints.
 *
 * @param from the earlier checkpoint's size, at least 1
 * @param to the later one's. Default: the newest one's
 * @throws {AuditError} as {@link proveInclusion}; `ledger-corrupt` too if the hashes of the earlier one were removed
 *   with its records
 */
export function proveConsistency(directory: string, from: number, to?: number): ConsistencyProof {
  const tree = openTree(directory, to);
  if (!Number.isSafeInteger(from) || from < 1 || from > tree.size) {
    throw new AuditError(
      'invalid-option',
      `from must be a number of records from 1 to ${tree.size}, not ${from}`,
    );
  }
  const hashes = tree.read((files) => consistencyPath(from, tree.size, files.node));
  const fromRoot = tree.read((files) => new Frontier(from, files.node).root());
  return {
    from,
    fromRoot: toBase64(fromRoot),
    to: tree.size,
    toRoot: tree.root(),
    hashes: hashes.map(toBase64),
  };
}

/**
 * Whether a record is in the tree with this root. The proof may come from anybody: of what is none it is false.
 *
 * @param line the record's line in the ledger, exactly, without its line feed
 */
export function verifyInclusion(proof: InclusionProof, line: string | Uint8Array): boolean {
  if (!isObject(proof) || !isLine(line)) return false;
  const { sequence, size, root } = proof;
  if (typeof sequence !== 'number') return false; // '1' - 1 is a number too
  const path = hashesOf(proof.hashes);
  const rootHash = fromBase64(root);
  if (path === undefined || rootHash === undefined) return false;
  const bytes = typeof line === 'string' ? Buffer.from(line) : line;
  return isIncluded(leafHash(bytes), sequence - 1, size, path, rootHash);
}

/** Whether the tree with `toRoot` begins with all of the tree with `fromRoot`; of what is no proof it is false. */
export function verifyConsistency(proof: ConsistencyProof): boolean {
  if (!isObject(proof)) return false;
  const path = hashesOf(proof.hashes);
  const [from, to] = [fromBase64(proof.fromRoot), fromBase64(proof.toRoot)];
  if (path === undefined || from === undefined || to === undefined) return false;
  return isConsistent(proof.from, from, proof.to, to, path);
}

const PROOF_HEAD = 'c2sp.org/tlog-proof@v1';
const MAX_PROOF_LENGTH = 2 ** 21;

/**
 * A record's proof with the checkpoint that it leads to: all that is needed to check the record offline,
 * in one text (C2SP tlog-proof).
 *
 * @param checkpoint the signed note of the size that was proved. Default: the one in `checkpoints/`
 * @throws {AuditError} as {@link proveInclusion}; `checkpoint-invalid` if the checkpoint is of another tree
 */
export function recordProof(
  directory: string,
  sequence: number,
  checkpoint = newestNote(directory),
): string {
  const parsed = parseCheckpoint(checkpoint);
  if (parsed === undefined) throw invalidCheckpoint('this is no signed checkpoint');
  const proof = proveInclusion(directory, sequence, parsed.size);
  if (proof.root !== parsed.root) {
    throw invalidCheckpoint(`the checkpoint is not of the tree in ${directory}`);
  }
  return `${[PROOF_HEAD, `index ${sequence - 1}`, ...proof.hashes].join('\n')}\n\n${checkpoint}`;
}

/**
 * Checks a record against the text that {@link recordProof} made.
 *
 * @param line the record's line in the ledger, exactly, without its line feed
 * @param publicKey as for {@link openCheckpoint}
 * @returns the record's number and the checkpoint
 * @throws {AuditError} `checkpoint-invalid` if the proof does not lead from the line to a checkpoint that
 *   is signed by the key; `invalid-option`
 */
export function openRecordProof(
  proof: string,
  line: string | Uint8Array,
  publicKey: string | readonly string[],
): Checkpoint & { readonly sequence: number } {
  if (typeof proof !== 'string' || proof.length > MAX_PROOF_LENGTH) {
    throw invalidCheckpoint('this is no proof');
  }
  const split = proof.indexOf('\n\n');
  const [head, ...rest] = proof.slice(0, Math.max(0, split)).split('\n');
  if (rest[0]?.startsWith('extra ')) rest.shift();
  const index = /^index (0|[1-9]\d{0,15})$/.exec(rest.shift() ?? '')?.[1];
  if (head !== PROOF_HEAD || index === undefined) throw invalidCheckpoint('this is no proof');
  const checkpoint = openCheckpoint(proof.slice(split + 2), publicKey);
  const { size, root } = checkpoint;
  const sequence = Number(index) + 1;
  if (verifyInclusion({ sequence, size, root, hashes: rest }, line)) {
    return { ...checkpoint, sequence };
  }
  throw invalidCheckpoint(`the line is not record ${sequence} of the checkpoint`);
}

function invalidCheckpoint(message: string): AuditError {
  return new AuditError('checkpoint-invalid', message);
}

function newestNote(directory: string): string {
  const size = newestSize(directory);
  const path = checkpointPath(directory, size);
  const note = access(directory, () => readTextSync(path));
  if (note !== undefined) return note;
  throw new AuditError('ledger-unavailable', `${path} is gone: a running writer removes old ones`);
}

function newestSize(directory: string): number {
  const size = access(directory, () => listCheckpointsSync(directory)).at(-1);
  if (size !== undefined) return size;
  throw new AuditError('invalid-option', `${directory} has no checkpoints`);
}

interface ReadTree {
  readonly files: TreeFiles;
  readonly size: number;
  root(): string;
  read<T>(work: (files: TreeFiles) => T): T;
}

function openTree(directory: string, wanted: number | undefined): ReadTree {
  const newest = newestSize(directory);
  const size = wanted ?? newest;
  if (!Number.isSafeInteger(size) || size < 1 || size > newest) {
    throw new AuditError(
      'invalid-option',
      `there is no tree of ${size} records in ${directory}: its newest checkpoint covers ${newest}`,
    );
  }
  const files = access(directory, () => TreeFiles.findSync(directory));
  if (files === undefined) {
    throw new AuditError('ledger-corrupt', `${directory} has checkpoints but no tree.json`);
  }
  const read = <T>(work: (files: TreeFiles) => T) => access(directory, () => work(files));
  return {
    files,
    size,
    read,
    root: () => toBase64(read(() => new Frontier(size, files.node).root())),
  };
}

function access<T>(directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof AuditError) throw error;
    const what = codeOf(error) === 'ENOENT' ? 'has no such file' : 'cannot be read';
    throw unavailable(`${directory} ${what}`, error);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isLine(value: unknown): boolean {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function hashesOf(texts: unknown): Hash[] | undefined {
  if (!Array.isArray(texts)) return undefined;
  const hashes: Hash[] = [];
  for (const text of texts) {
    const hash = fromBase64(text);
    if (hash === undefined) return undefined;
    hashes.push(hash);
  }
  return hashes;
}
