import type { KeyObject } from 'node:crypto';
import fs from 'node:fs';
import type { Clock, Timer } from '../clock.js';
import { AuditError, messageOf } from '../errors.js';
import {
  checkpointFolder,
  checkpointPath,
  listCheckpointsSync,
} from '../ledger/checkpoint-files.js';
import type { ResolvedCheckpointOptions } from '../ledger/checkpoint-options.js';
import { replaceFile, syncFolderSync } from '../ledger/files.js';
import { atEndOfTurn } from '../turn.js';
import { checkpointText } from './checkpoint-note.js';
import type { KnownRecord } from './follower.js';
import { leafHashAt, toBase64 } from './merkle.js';
import { signNote } from './note.js';
import { Publisher } from './publisher.js';
import type { Tree } from './tree.js';
import { type LedgerWithTree, type OpenedTree, openTreeSync } from './tree-opening.js';

/** What of a ledger its checkpoints need. */
export interface FollowedLedger extends LedgerWithTree {
  /** A durable record, if it is still known. */
  record(sequence: number): { readonly hash: string } | undefined;
  /** Calls back whenever more became durable. Returns what ends that. */
  onGrowth(callback: () => void): () => void;
  /** @throws {AuditError} where the folder may be another writer's by now */
  requireWriter(): void;
}

/** Told of what happens. Must not throw. */
export interface CheckpointerObserver {
  noted(message: string): void;
  failed(error: AuditError): void;
}

/** Leaves are added in batches: what is read back for one is in the page cache still. */
const BATCH_RECORDS = 2048;
/** So many checkpoints stay in the folder, the newest ones. */
const KEPT_CHECKPOINTS = 1000;
const RETRY_MS = 5000;

/**
 * Keeps the Merkle tree of a ledger, and writes and publishes signed heads of it. It reads the records
 * back from the disk once they are durable, so nothing is ever signed that could be superseded, and a
 * crash costs no more than reading those since the newest checkpoint again.
 */
export class Checkpointer {
  readonly #ledger: FollowedLedger;
  readonly #options: ResolvedCheckpointOptions;
  readonly #clock: Clock;
  readonly #observer: CheckpointerObserver;
  readonly #publisher: Publisher | undefined;
  readonly #unfollow: () => void;
  /** Absent after a failure: what is in memory may not be what is on the disk. */
  #opened: OpenedTree | undefined;
  /** The records that the newest checkpoint covers. */
  #covered = 0;
  /** The newest durable record. */
  #target: KnownRecord;
  #timer: Timer | undefined;
  #retryTimer: Timer | undefined;
  #isDue: boolean;
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** The evidence contradicts itself, or the folder is another's: nothing is signed any more. */
  #isEnded = false;

  /**
   * Goes on where the newest checkpoint ends. Synchronous, so that what is wrong shows at start-up.
   *
   * @throws {AuditError} `ledger-corrupt`, naming file and remedy; `ledger-unavailable`
   */
  constructor(
    ledger: FollowedLedger,
    options: ResolvedCheckpointOptions,
    clock: Clock,
    observer: CheckpointerObserver,
  ) {
    this.#ledger = ledger;
    this.#options = options;
    this.#clock = clock;
    this.#observer = observer;
    const { onCheckpoint } = options;
    this.#publisher =
      onCheckpoint && new Publisher(onCheckpoint, clock, (error) => observer.failed(error));
    const { tree } = this.#open();
    this.#target = this.#newest();
    // What a process that was killed left uncovered should not wait for another one to be killed.
    this.#isDue = tree.size < this.#target.sequence;
    if (this.#isDue) atEndOfTurn(() => this.#plan());
    this.#unfollow = ledger.onGrowth(() => {
      this.#target = this.#newest();
      this.#plan();
    });
  }

  /** Records past this one may not be removed: the tree may have to be built of them again. */
  get covered(): number {
    return this.#covered;
  }

  /** Records before this one are gone: so may their hashes. */
  forgetBefore(first: number): void {
    try {
      this.#opened?.tree.files.forgetBefore(first - 1);
    } catch (error) {
      this.#observer.failed(this.#failure('old hashes stay', error));
    }
  }

  /** Covers what is durable with a last checkpoint, and makes no more. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Resolves when the application has taken, or refused, the newest checkpoint. Never rejects. */
  async published(): Promise<void> {
    await this.#publisher?.close();
  }

  /** Lets go at once, and writes nothing more. */
  abandon(): void {
    this.#isEnded = true;
    this.#unfollow();
    this.#timer?.cancel();
    this.#retryTimer?.cancel();
  }

  async #close(): Promise<void> {
    this.#unfollow();
    this.#timer?.cancel();
    this.#retryTimer?.cancel();
    await this.#running;
    this.#isDue = true;
    await this.#run();
    this.#isEnded = true;
  }

  /** @throws {AuditError} */
  #open(): OpenedTree {
    if (this.#opened !== undefined) return this.#opened;
    const opened = openTreeSync(this.#ledger, this.#options);
    this.#opened = opened;
    if (opened.noted !== undefined) this.#observer.noted(opened.noted);
    this.#covered = opened.checkpoint?.size ?? this.#ledger.first - 1;
    return opened;
  }

  #newest(): KnownRecord {
    const sequence = this.#ledger.deliverable;
    const record = sequence < this.#ledger.first ? undefined : this.#ledger.record(sequence);
    return { sequence, hash: record?.hash };
  }

  /** Does what is due, or sees to it that it will be done. */
  #plan(): void {
    const isBusy = this.#running !== undefined || this.#retryTimer !== undefined;
    if (isBusy || this.#isEnded || this.#closing !== undefined) return;
    const { sequence } = this.#target;
    const size = this.#opened?.tree.size ?? 0;
    if (this.#covered === sequence && size === sequence) return;
    if (sequence - this.#covered >= this.#options.everyRecords) this.#isDue = true;
    if (this.#isDue || sequence - size >= BATCH_RECORDS) {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
        this.#plan();
      });
    } else {
      this.#timer ??= this.#clock.schedule(() => {
        this.#timer = undefined;
        this.#isDue = true;
        this.#plan();
      }, this.#options.everyMs);
    }
  }

  async #run(): Promise<void> {
    if (this.#isEnded) return;
    try {
      const opened = this.#open();
      await this.#grow(opened);
      if (this.#isDue) await this.#makeCheckpoint(opened.tree);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Adds what is durable to the tree. */
  async #grow({ tree, follower, checkpoint }: OpenedTree): Promise<void> {
    const write = () => {
      this.#ledger.requireWriter();
      tree.write();
    };
    await follower.read(this.#target, (bytes, start, end) => {
      tree.add(leafHashAt(bytes, start, end));
      if (tree.size === checkpoint?.size && toBase64(tree.root()) !== checkpoint.root) {
        throw this.#contradiction(checkpoint.size);
      }
      if (tree.isFull) write();
    });
    write();
  }

  async #makeCheckpoint(tree: Tree): Promise<void> {
    const { origin, key } = this.#options;
    const { directory } = this.#ledger;
    const { size } = tree;
    this.#isDue = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (size === this.#covered) return;
    await tree.files.sync();
    const root = tree.root();
    const note = signNote(checkpointText(origin, size, root), origin, key as KeyObject);
    this.#ledger.requireWriter();
    await replaceFile(checkpointPath(directory, size), note);
    syncFolderSync(checkpointFolder(directory));
    this.#covered = size;
    this.#removeOld();
    this.#publisher?.offer({ note, origin, size, root: toBase64(root), directory });
  }

  #removeOld(): void {
    const { directory } = this.#ledger;
    const sizes = listCheckpointsSync(directory);
    for (const size of sizes.slice(0, Math.max(0, sizes.length - KEPT_CHECKPOINTS))) {
      fs.rmSync(checkpointPath(directory, size), { force: true });
    }
  }

  /** Tells it, and begins anew behind the newest checkpoint where that may help. */
  #fail(cause: unknown): void {
    this.#opened = undefined;
    this.#isDue = true;
    this.#isEnded = cause instanceof AuditError && cause.code !== 'ledger-unavailable';
    this.#observer.failed(this.#failure('none could be written', cause));
    if (this.#isEnded || this.#closing !== undefined) return;
    this.#retryTimer = this.#clock.schedule(() => {
      this.#retryTimer = undefined;
      this.#plan();
    }, RETRY_MS);
  }

  #failure(what: string, cause: unknown): AuditError {
    if (cause instanceof AuditError) return cause;
    const message = `checkpoints of ${this.#ledger.directory}: ${what}: ${messageOf(cause)}`;
    return new AuditError('checkpoint-failed', message, { cause });
  }

  #contradiction(size: number): AuditError {
    const path = checkpointPath(this.#ledger.directory, size);
    return new AuditError(
      'ledger-corrupt',
      `${path} covers other records than the ledger holds: one of them was altered; nothing is signed any more: verify the ledger, and restore it from a copy`,
    );
  }
}
