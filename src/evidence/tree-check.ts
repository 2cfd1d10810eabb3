import { AuditError } from '../errors.js';
import {
  emptyRoot,
  Frontier,
  fromBase64,
  type Hash,
  leafHash,
  leafHashAt,
  toBase64,
} from './merkle.js';
import { consistencyPath, inclusionPath, isConsistent, isIncluded } from './merkle-paths.js';
import type { VerifyFault } from './report.js';
import { LEVELS_A_FILE, TreeFiles, treePath } from './tree-files.js';

/** A head that the ledger's tree must have had. */
export interface ExpectedHead {
  /** The file's path, or what stands for it. */
  readonly file: string;
  /** Whether it was kept elsewhere: then somebody relies on it. */
  readonly isGiven: boolean;
  readonly size: number;
  /** In Base64. */
  readonly root: string;
}

/** Where a record stands. */
export type PlaceOf = (sequence: number) => { readonly file: string; readonly line: number };

/** Hashes that are read at once. */
const BLOCK_HASHES = 8192;

/**
 * Holds the records of a ledger, while they pass, against the heads of its tree that were signed.
 *
 * In full it builds the tree, and compares each hash with the one in `checkpoints/hashes` too. Otherwise it
 * proves by those hashes, which need not be trusted for it, that the last record of each head is what was
 * signed: every record before it is bound to it by the chain. That shows as much of the records and costs
 * next to nothing.
 */
export class TreeCheck {
  readonly #files: TreeFiles | undefined;
  readonly #frontier: Frontier;
  /** Ascending by size. */
  readonly #heads: readonly ExpectedHead[];
  /** Records whose hashes are kept; what stands in the files behind them may be torn. */
  readonly #kept: number;
  readonly #isFull: boolean;
  readonly #first: number;
  #size: number;
  /** Heads of before the first record. */
  readonly #older: readonly ExpectedHead[];
  #nextHead = 0;
  /** The newest head that was right. */
  #soundUpTo = 0;
  #wrongHead: ExpectedHead | undefined;
  #isInDoubt = false;
  /** The first record whose kept hash is another. */
  #wrongLeaf: number | undefined;
  #wrongFile: string | undefined;
  #block: readonly Hash[] = [];
  #blockFrom = 0;

  private constructor(
    files: TreeFiles | undefined,
    frontier: Frontier,
    heads: readonly ExpectedHead[],
    kept: number,
    isFull: boolean,
  ) {
    this.#files = files;
    this.#frontier = frontier;
    this.#isFull = isFull || files === undefined;
    this.#size = frontier.size;
    this.#first = frontier.size + 1;
    this.#older = heads.filter(({ size }) => size < frontier.size);
    this.#heads = heads.slice(this.#older.length);
    this.#kept = kept;
    if (this.#isHead) this.#compareHeads(this.root());
  }

  /**
   * @param first the ledger's first record; the hashes of what stood before it come from the files
   * @param heads ascending by size
   * @param kept records that the newest checkpoint in the folder covers
   * @returns what is wrong with the files, where that keeps the tree from being built
   */
  static begin(
    directory: string,
    first: number,
    heads: readonly ExpectedHead[],
    kept: number,
    isFull: boolean,
  ): TreeCheck | VerifyFault {
    let files: TreeFiles | undefined;
    try {
      files = TreeFiles.findSync(directory);
    } catch (error) {
      return asFault('altered', treePath(directory), error);
    }
    if (files === undefined && first > 1) {
      const explanation = `tree.json is missing: without the hashes of the records before ${first} no checkpoint can be compared`;
      return { kind: 'missing', file: treePath(directory), explanation };
    }
    if (files !== undefined && files.start >= first) {
      const explanation = `tree.json says that the tree begins with record ${files.start + 1}, but record ${first} is there`;
      return { kind: 'altered', file: treePath(directory), explanation };
    }
    try {
      const frontier = new Frontier(first - 1, files?.node);
      return new TreeCheck(files, frontier, heads, files === undefined ? 0 : kept, isFull);
    } catch (error) {
      return asFault('missing', files?.folder ?? directory, error);
    }
  }

  /**
   * Whether something does not fit that only a check in full can explain: a record, or a hash that is
   * missing or damaged.
   */
  get isInDoubt(): boolean {
    return this.#isInDoubt && !this.#isFull;
  }

  /** The next record's line. */
  add(bytes: Buffer, start: number, end: number): void {
    this.#size += 1;
    if (this.#isFull) this.#grow(leafHashAt(bytes, start, end));
    else if (this.#isHead) this.#proveHeads(leafHashAt(bytes, start, end));
  }

  get #isHead(): boolean {
    return this.#heads[this.#nextHead]?.size === this.#size;
  }

  #grow(leaf: Hash): void {
    const index = this.#frontier.size;
    const isKept = index < this.#kept;
    this.#frontier.add(leaf, isKept ? this.#onNode : undefined);
    if (isKept && this.#wrongLeaf === undefined && this.#keptLeaf(index) !== leaf) {
      this.#wrongLeaf = index + 1;
    }
    if (this.#isHead) this.#compareHeads(this.root());
  }

  /** Whether a line is what the hashes have for a record; undefined where they have none. */
  readonly isInTree = (sequence: number, line: Buffer): boolean | undefined => {
    const leaf = sequence > this.#kept ? undefined : this.#keptLeaf(sequence - 1);
    return leaf === undefined ? undefined : leaf === leafHash(line);
  };

  /** In Base64; undefined where the tree was not built. */
  root(): string | undefined {
    return this.#isFull || this.#size < this.#first ? toBase64(this.#frontier.root()) : undefined;
  }

  #compareHeads(root: string | undefined): void {
    for (; this.#isHead; this.#nextHead += 1) {
      const head = this.#heads[this.#nextHead]!;
      if (head.root === root) this.#soundUpTo = head.size;
      else this.#wrongHead ??= head;
    }
  }

  /** The last record of the heads here is in their tree. */
  #proveHeads(leaf: Hash): void {
    const size = this.#size;
    try {
      const path = inclusionPath(size - 1, size, this.#files!.node);
      for (; this.#isHead; this.#nextHead += 1) {
        const root = fromBase64(this.#heads[this.#nextHead]!.root);
        if (root === undefined || !isIncluded(leaf, size - 1, size, path, root)) {
          this.#isInDoubt = true;
        }
      }
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      this.#isInDoubt = true;
      this.#nextHead = this.#heads.length;
    }
  }

  readonly #onNode = (level: number, hash: Hash): void => {
    if (level % LEVELS_A_FILE !== 0 || this.#wrongFile !== undefined) return;
    const kept = level / LEVELS_A_FILE;
    const index = (this.#frontier.size + 1) / 2 ** level - 1;
    if (this.#readKept(kept, index, 1)[0] !== hash)
      this.#wrongFile = this.#files!.pathOf(kept, index);
  };

  #keptLeaf(index: number): Hash | undefined {
    if (index < this.#blockFrom || index >= this.#blockFrom + this.#block.length) {
      const count = Math.min(BLOCK_HASHES, this.#kept - index);
      this.#block = this.#readKept(0, index, count);
      this.#blockFrom = index;
    }
    return this.#block[index - this.#blockFrom];
  }

  #readKept(kept: number, from: number, count: number): readonly Hash[] {
    try {
      return this.#files!.read(kept, from, count);
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      this.#wrongFile ??= this.#files!.pathOf(kept, from);
      return [];
    }
  }

  /** What the tree shows to be wrong, the first record first. */
  faults(placeOf: PlaceOf): VerifyFault[] {
    const faults: VerifyFault[] = [];
    if (this.#wrongHead !== undefined) faults.push(this.#alteration(this.#wrongHead, placeOf));
    else {
      const file = this.#wrongFile ?? this.#wrongLeafFile();
      if (file !== undefined) {
        const explanation = `${file} is missing or was altered: it does not hold the hashes of the records, which are what the checkpoints cover`;
        faults.push({ kind: 'altered', file, explanation });
      }
    }
    for (const head of this.#wrongHead === undefined ? this.#older : []) {
      const fault = this.#faultOfOlder(head);
      if (fault !== undefined) faults.push(fault);
    }
    return faults;
  }

  #wrongLeafFile(): string | undefined {
    if (this.#wrongLeaf === undefined) return undefined;
    return this.#files!.pathOf(0, this.#wrongLeaf - 1);
  }

  /** Some record is not what was signed. The kept hashes may tell which, if they are what was signed. */
  #alteration(head: ExpectedHead, placeOf: PlaceOf): VerifyFault {
    const from = this.#soundUpTo + 1;
    const wrong = this.#wrongLeaf;
    if (wrong !== undefined && wrong <= head.size && this.#keptRoot(head.size) === head.root) {
      const explanation = `record ${wrong} is not what was recorded: ${head.file} covers another`;
      return { kind: 'altered', sequence: wrong, ...placeOf(wrong), explanation };
    }
    const which =
      from < head.size ? `of records ${from} to ${head.size} at least one` : `record ${from}`;
    const explanation = `${which} is not what was recorded: ${head.file} covers another`;
    return { kind: 'altered', sequence: from, ...placeOf(from), explanation };
  }

  /** The root of the kept leaves. Only where something is wrong: it takes as long as the records do. */
  #keptRoot(size: number): string | undefined {
    const files = this.#files;
    if (files === undefined) return undefined;
    try {
      const tree = new Frontier(this.#first - 1, files.node);
      for (let at = this.#first - 1; at < size; at += BLOCK_HASHES) {
        for (const leaf of files.read(0, at, Math.min(BLOCK_HASHES, size - at))) tree.add(leaf);
      }
      return toBase64(tree.root());
    } catch (error) {
      if (error instanceof AuditError) return undefined;
      throw error;
    }
  }

  #faultOfOlder(head: ExpectedHead): VerifyFault | undefined {
    const { file, size } = head;
    const goesOn = this.#compareOlder(head);
    if (goesOn === false) {
      const explanation = `${file} covers ${size} records that the ledger's tree does not begin with`;
      return { kind: 'altered', file, explanation };
    }
    // Who hands one in must not take its silence for a yes: any ledger can be put in the place of one of
    // which nothing is left to compare.
    if (goesOn === true || !head.isGiven) return undefined;
    const explanation = `${file} covers ${size} records, all of which are gone, and the hashes or the newer checkpoint too that would show that this ledger goes on from it: give a checkpoint that covers a record from ${this.#first} on`;
    return { kind: 'missing', file, explanation };
  }

  /** Whether the tree goes on from a head whose records are gone; undefined if nobody can tell any more. */
  #compareOlder({ size, root }: ExpectedHead): boolean | undefined {
    const newest = this.#heads[this.#nextHead - 1];
    const hash = fromBase64(root);
    if (size === 0) return hash === emptyRoot();
    if (hash === undefined || newest === undefined) return undefined;
    try {
      const path = consistencyPath(size, newest.size, this.#files!.node);
      return isConsistent(size, hash, newest.size, fromBase64(newest.root)!, path);
    } catch (error) {
      if (error instanceof AuditError) return undefined;
      throw error;
    }
  }
}

/** What was found to be damaged; other errors are not about the evidence. */
function asFault(kind: VerifyFault['kind'], file: string, error: unknown): VerifyFault {
  if (error instanceof AuditError) return { kind, file, explanation: error.message };
  throw error;
}
