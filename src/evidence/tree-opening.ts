import { AuditError } from '../errors.js';
import {
  checkpointFolder,
  checkpointPath,
  listCheckpointsSync,
} from '../ledger/checkpoint-files.js';
import type { ResolvedCheckpointOptions } from '../ledger/checkpoint-options.js';
import { makeFolderSync, unavailable } from '../ledger/files.js';
import { readTextSync } from '../ledger/plain-file.js';
import type { Checkpoint } from './checkpoint.js';
import { parseCheckpoint } from './checkpoint-note.js';
import { type FollowedSegments, Follower } from './follower.js';
import { leafHashAt, toBase64 } from './merkle.js';
import { checkSignature, verifierOf } from './note.js';
import { Tree } from './tree.js';
import { TreeFiles } from './tree-files.js';

/** A ledger whose tree is to be continued. */
export interface LedgerWithTree extends FollowedSegments {
  /** The first record's number. */
  readonly first: number;
}

/** A tree, and what is to be added to it. */
export interface OpenedTree {
  readonly tree: Tree;
  readonly follower: Follower;
  /** The newest checkpoint. While the tree is smaller it is being built anew, and must come to this root. */
  readonly checkpoint: Checkpoint | undefined;
  /** What was found and mended, in words. */
  readonly noted: string | undefined;
}

/**
 * Opens the tree of a ledger behind its newest checkpoint, or begins one. Hashes that are lost or
 * damaged are made again where all their records are there.
 *
 * @throws {AuditError} `ledger-corrupt`, naming file and remedy; `ledger-unavailable`
 */
export function openTreeSync(
  ledger: LedgerWithTree,
  options: ResolvedCheckpointOptions,
): OpenedTree {
  const { directory } = ledger;
  try {
    makeFolderSync(checkpointFolder(directory));
    const checkpoint = newestCheckpoint(directory, options);
    const files = TreeFiles.findSync(directory);
    if (checkpoint === undefined) return begin(ledger, files);
    if (checkpoint.size < ledger.first - 1) {
      throw cannotGoOn(
        directory,
        `records ${checkpoint.size + 1} to ${ledger.first - 1} are in no tree and gone`,
      );
    }
    if (files !== undefined) {
      const tree = treeAt(files, checkpoint);
      if (tree !== undefined) {
        const follower = followerBehind(ledger, files, checkpoint.size);
        return { tree, follower, checkpoint, noted: undefined };
      }
    }
    const start = files?.start ?? 0;
    if (ledger.first - 1 > start) {
      throw cannotGoOn(
        directory,
        `hashes in ${checkpointFolder(directory)} are missing or damaged`,
      );
    }
    const tree = new Tree(TreeFiles.beginSync(directory, start), start);
    const noted = `the hashes in ${checkpointFolder(directory)} are missing or damaged and are made again`;
    return { tree, follower: Follower.atStart(ledger, start + 1), checkpoint, noted };
  } catch (error) {
    if (error instanceof AuditError) throw error;
    throw unavailable(`the checkpoints of ${directory} cannot be opened`, error);
  }
}

/** Without a checkpoint nobody knows of a tree: it begins with the first record that there is. */
function begin(ledger: LedgerWithTree, found: TreeFiles | undefined): OpenedTree {
  const start = ledger.first - 1;
  const files = found?.start === start ? found : TreeFiles.beginSync(ledger.directory, start);
  return {
    tree: new Tree(files, start),
    follower: Follower.atStart(ledger, ledger.first),
    checkpoint: undefined,
    noted: undefined,
  };
}

function newestCheckpoint(
  directory: string,
  { origin, key }: ResolvedCheckpointOptions,
): Checkpoint | undefined {
  const size = listCheckpointsSync(directory).at(-1);
  if (size === undefined) return undefined;
  const path = checkpointPath(directory, size);
  const checkpoint = parseCheckpoint(readTextSync(path) ?? '');
  const verifier = verifierOf(origin, key);
  // One of an earlier key, or under an earlier name, says nothing of this key.
  const isSound =
    checkpoint?.size === size && checkSignature(checkpoint.note, verifier, origin) !== 'invalid';
  if (isSound) return checkpoint;
  throw new AuditError(
    'ledger-corrupt',
    `${path} was altered; restore it from where it was published, or move it away`,
  );
}

/** The tree that a checkpoint means, if its hashes are there. */
function treeAt(files: TreeFiles, { size, root }: Checkpoint): Tree | undefined {
  if (size < files.start) return undefined;
  try {
    const tree = new Tree(files, size);
    return toBase64(tree.root()) === root ? tree : undefined;
  } catch (error) {
    if (error instanceof AuditError) return undefined;
    throw error;
  }
}

/** Behind the last record that a checkpoint covers, which must be what was covered. */
function followerBehind(ledger: LedgerWithTree, files: TreeFiles, size: number): Follower {
  if (size < ledger.first) return Follower.atStart(ledger, size + 1);
  return Follower.behindSync(ledger, size, (path, bytes, start, end) => {
    if (leafHashAt(bytes, start, end) === files.read(0, size - 1, 1)[0]) return;
    throw new AuditError(
      'ledger-corrupt',
      `${path} does not hold record ${size} as its checkpoint covers it: it was altered; restore the file from a copy`,
    );
  });
}

function cannotGoOn(directory: string, fault: string): AuditError {
  const folder = checkpointFolder(directory);
  return new AuditError(
    'ledger-corrupt',
    `${fault}: the tree in ${folder} cannot go on; restore that folder from a copy, or move it away and choose another origin to begin a new tree`,
  );
}
