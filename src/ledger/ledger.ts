import type { Clock } from '../clock.js';
import { AuditError, toError } from '../errors.js';
import { formatTimestamp } from '../event/timestamp.js';
import { whenProcessExits } from '../process-exit.js';
import { atEndOfTurn } from '../turn.js';
import type { Cursor } from './cursor.js';
import { makeFolderSync, unavailable } from './files.js';
import { HotRecord, HotRecords } from './hot-records.js';
import { IdIndex } from './id-index.js';
import { findSame, readBackSync } from './known-records.js';
import { type LedgerReader, LedgerReaders } from './ledger-readers.js';
import { LineWriter } from './line-writer.js';
import { Lock } from './lock.js';
import type { Manifest } from './manifest.js';
import { openLedgerSync } from './opening.js';
import type { ResolvedLedgerOptions } from './options.js';
import { type LedgerTrouble, Outage } from './outage.js';
import {
  bodyOf,
  hashOf,
  headOf,
  type LedgerRecord,
  lineOf,
  type RecordContent,
  recorded,
} from './record.js';
import { retire } from './retention.js';
import { segmentIndexOf, segmentPath } from './segment.js';
import { SegmentWriter } from './segment-writer.js';
import { openSinkCursorSync } from './sink-cursor.js';
import { Syncer } from './syncer.js';
import { type Waiter, Waiters } from './waiters.js';

/** Told of what happens to a ledger. Must not throw. */
export interface LedgerObserver {
  /** A repair, a takeover, a removal: worth a line in the log. */
  noted(message: string): void;
  /** Writing or syncing failed; it goes on by itself when the cause is gone. */
  failed(error: AuditError): void;
  /** These were accepted and can no longer be kept. */
  lost(contents: readonly RecordContent[], error: AuditError): void;
}

/** How many of the newest ids are known. */
const KNOWN_IDS = 100_000;
/** Written when this much is waiting, even before the end of the turn. */
const PART_BYTES = 128 * 1024;
/** Head, trace and quotes of a line, roughly; for bounds only. */
const LINE_OVERHEAD = 200;
/** More than this is not left unsynced, whoever waits. */
const MAX_UNSYNCED_BYTES = 16 * 2 ** 20;
/** How far a turn that does not end may go past the bound while the disk is well. */
const LENIENCY = 4;

/** The append-only, hash-chained, synced folder of JSON lines: audit log, queue and evidence in one. */
export class Ledger {
  readonly directory: string;
  /** The ledger's UUID. */
  readonly stream: string;
  /** Whether it held records when it was opened. */
  readonly heldRecords: boolean;
  /** Called when a segment is full; set by whoever cares. */
  onRoll: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #observer: LedgerObserver;
  readonly #options: ResolvedLedgerOptions;
  readonly #lock: Lock;
  readonly #ids: IdIndex;
  readonly #writer: SegmentWriter;
  readonly #lines: LineWriter;
  readonly #outage: Outage;
  readonly #syncer: Syncer;
  readonly #waiters = new Waiters();
  readonly #hot: HotRecords;
  readonly #readers: LedgerReaders;
  readonly #forgetExit: () => void;
  readonly #growthListeners = new Set<() => void>();
  #manifest: Manifest;
  /** Those accepted that are no lines yet. */
  #pending: HotRecord[] = [];
  /** Newest sequence numbers: given out, made a line, durable. */
  #accepted: number;
  #built: number;
  #synced: number;
  #hash: string;
  /** Bytes accepted and not made lines of yet. */
  #pendingBytes = 0;
  /** Bytes accepted and not durable. */
  #waitingBytes = 0;
  #turnScheduled = false;
  /** Lines are being made: whoever is told of a fault in between may record, and must not mix in. */
  #building = false;
  /** Somebody else may be writing: nothing is written any more. */
  #lockGone = false;
  #closing: Promise<void> | undefined;
  /** Set while somebody waits for the end of a sync, or of all hope for one. */
  #onSettled: (() => void) | undefined;
  /** Why nothing more is taken, ever. */
  #ended: AuditError | undefined;

  /**
   * Opens the folder, or begins a ledger in it. Synchronous, so that what is wrong with it shows at
   * start-up.
   *
   * @throws {AuditError} `ledger-locked`, `ledger-corrupt`, `ledger-unavailable`.
   */
  constructor(
    options: ResolvedLedgerOptions,
    clock: Clock,
    observer: LedgerObserver,
    lock = lockFolder(options.directory),
    knownIds = KNOWN_IDS,
  ) {
    this.#ids = new IdIndex(knownIds);
    const { directory } = options;
    this.directory = directory;
    this.#options = options;
    this.#clock = clock;
    this.#observer = observer;
    this.#lock = lock;
    try {
      const opened = openLedgerSync(directory, formatTimestamp(clock.now()), this.#ids);
      if (lock.takenOver) {
        observer.noted(`the ledger in ${directory} was taken over from a writer that is gone`);
      }
      for (const repair of opened.repairs) observer.noted(repair);
      this.#manifest = opened.manifest;
      this.stream = opened.manifest.stream;
      this.heldRecords = opened.newest > 0;
      this.#writer = new SegmentWriter(directory, opened.segments);
      // What is found counts as durable from here on.
      this.#writer.syncNewestSync(options.maxWaitingBytes * LENIENCY);
      // Late lines of a writer that was taken over must be superseded.
      const mustBegin = lock.takenOver || opened.segments.length === 0;
      if (!mustBegin) this.#writer.continueLast(opened.size);
      this.#lines = new LineWriter(
        this.#writer,
        this.#ids,
        options.maxSegmentBytes,
        opened.newest,
        mustBegin,
        {
          mayAppend: () => this.#mayAppend(),
          mayBegin: () => this.#mayBegin(),
          failed: (cause, mustRestart) => this.#block(cause, mustRestart),
          rolled: () => this.onRoll?.(),
        },
      );
      this.#outage = new Outage(clock, () => this.#resume());
      this.#accepted = opened.newest;
      this.#built = opened.newest;
      this.#synced = opened.newest;
      this.#hash = opened.hash;
      this.#hot = new HotRecords(opened.newest + 1);
      this.#readers = new LedgerReaders(this, this.#hot, clock);
      this.#syncer = new Syncer(this.#writer, clock, {
        target: () => (this.#maySync(this.#lines.written) ? this.#lines.written : undefined),
        synced: (target, fault) => {
          if (this.#ended === undefined) this.#afterSync(target, fault);
        },
        idle: () => {
          this.#sync();
          this.#onSettled?.();
        },
      });
    } catch (error) {
      lock.release();
      if (error instanceof AuditError) throw error;
      throw unavailable(`the ledger in ${directory} cannot be opened`, error);
    }
    lock.onLost = () => {
      if (this.#ended === undefined && !this.#building) this.#loseLock();
    };
    this.#forgetExit = whenProcessExits(() => this.#closeAtExit());
  }

  /** The newest durable record's number; what lanes may deliver. */
  get deliverable(): number {
    return this.#synced;
  }

  /** The newest record's number, durable or not. */
  get newest(): number {
    return this.#accepted;
  }

  /** The first record's number. */
  get first(): number {
    return this.#manifest.first.sequence;
  }

  get segments(): readonly number[] {
    return this.#writer.segments;
  }

  /** Bytes accepted and not durable yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** What keeps it from writing now. */
  get trouble(): LedgerTrouble | undefined {
    return this.#outage.trouble;
  }

  /**
   * Takes a record. It is written at the end of this turn, or at the next {@link flush}. The same id
   * with the same content is not written again.
   *
   * @returns its sequence number
   * @throws {AuditError} `conflict` for a known id with other content; `queue-full` while the disk is
   *   and the bound on waiting bytes is reached; `shutdown`; `ledger-locked` once it was taken over.
   */
  append(content: RecordContent): number {
    if (this.#ended !== undefined) throw this.#ended;
    const known = this.#ids.has(content.id) ? this.#findSame(content) : undefined;
    if (known !== undefined) return known;
    const body = bodyOf(content);
    this.#makeRoom(body.length + LINE_OVERHEAD);
    this.#waitingBytes += body.length + LINE_OVERHEAD;
    this.#pendingBytes += body.length + LINE_OVERHEAD;
    this.#accepted += 1;
    this.#pending.push(new HotRecord(this.#accepted, content, body));
    this.#ids.add(content.id, this.#accepted);
    if (this.#pendingBytes >= PART_BYTES) this.flush();
    else if (!this.#turnScheduled) {
      this.#turnScheduled = true;
      atEndOfTurn(this.#endTurn);
    }
    return this.#accepted;
  }

  readonly #endTurn = (): void => {
    this.#turnScheduled = false;
    this.flush();
  };

  /** Calls back, once, when the record is durable, or with the reason why it never will be. */
  onDurable(sequence: number, waiter: Waiter): void {
    if (sequence <= this.#synced) waiter.settle();
    else if (this.#ended !== undefined) waiter.settle(this.#ended);
    else {
      this.#waiters.add(sequence, waiter);
      if (sequence <= this.#lines.written) this.#sync();
    }
  }

  /** This one does not wait any more. */
  forget(waiter: Waiter): void {
    this.#waiters.forget(waiter);
  }

  /**
   * A durable record, its event for its texts only. Reads the disk where it is no longer in memory;
   * undefined if it was retired.
   */
  record(sequence: number): LedgerRecord | undefined {
    return this.#hot.peek(sequence) ?? this.#readBack(sequence);
  }

  /** Writes what is waiting. */
  flush(): void {
    if (this.#building) return; // the loop below goes on until it has made everything a line
    if (this.#built < this.#accepted && this.#ended === undefined) {
      this.#buildPending();
      this.#lines.flush();
      if (this.#lockGone) this.#loseLock();
    }
    this.#sync();
  }

  #buildPending(): void {
    const recordedAt = formatTimestamp(this.#clock.now());
    this.#building = true;
    try {
      while (this.#built < this.#accepted) {
        this.#build(this.#pendingOf(this.#built + 1)!, recordedAt);
      }
      this.#pending = [];
      this.#pendingBytes = 0;
    } finally {
      this.#building = false;
    }
  }

  #pendingOf(sequence: number): HotRecord | undefined {
    return this.#pending[this.#pending.length - 1 - (this.#accepted - sequence)];
  }

  /** Calls back whenever more became deliverable. Returns what ends that. */
  onGrowth(callback: () => void): () => void {
    this.#growthListeners.add(callback);
    return () => this.#growthListeners.delete(callback);
  }

  /** One lane's view. */
  reader(): LedgerReader {
    return this.#readers.open();
  }

  /** Opens, or makes, the cursor of a sink. */
  cursor(sink: string, startAt: 'beginning' | 'end'): Cursor {
    return openSinkCursorSync(this, sink, startAt, (message) => this.#observer.noted(message));
  }

  /** @throws {AuditError} `ledger-locked` when the folder is, or may be, another writer's by now */
  requireWriter(): void {
    if (this.#lock.isHeld()) return;
    const fault = `${this.#lock.path} is gone or was taken over; nothing more is written to the folder`;
    throw new AuditError('ledger-locked', fault);
  }

  /** Removes old segments as the options say, none that holds a record past `needed`. */
  retire(needed: number): void {
    if (this.#ended !== undefined || !this.#lock.isHeld()) return;
    try {
      const retired = retire(
        this.directory,
        this.#writer.segments,
        this.#manifest,
        this.#options.retain,
        Math.min(needed, this.#synced),
        this.#clock.now(),
      );
      if (retired === undefined) return;
      this.#manifest = retired.manifest;
      this.#writer.segments.splice(0, retired.count);
      this.#observer.noted(
        `${retired.count} segment(s) of ${this.directory} were removed; it now begins with record ${this.first}`,
      );
    } catch (error) {
      this.#observer.failed(unavailable(`old segments of ${this.directory} stay`, error));
    }
  }

  /** The record that this content stands in; undefined if there is none, or one with other content. */
  find(content: RecordContent): number | undefined {
    try {
      return this.#ids.has(content.id) ? this.#findSame(content) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Lets go of a ledger that nothing was appended to. */
  abandon(): void {
    this.#end(new AuditError('shutdown', 'the ledger is closed; nothing more is taken'));
    this.#writer.close();
    this.#lock.release();
  }

  /**
   * Writes and syncs everything, lets go of the lock and takes nothing more.
   *
   * @throws {AuditError} `ledger-unavailable` if something could not be kept.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#building) await undefined; // an observer closes it
    if (this.#ended !== undefined) return;
    this.flush();
    this.#resume();
    while (this.#syncer.isBusy || this.#maySync(this.#writable)) {
      this.flush(); // it takes records until all are durable
      this.#syncer.inBackground();
      if (!this.#syncer.isBusy) continue;
      await new Promise<void>((resolve) => {
        this.#onSettled = resolve;
      });
    }
    if (this.#ended === undefined) this.#finish();
  }

  /** The newest record that may come to be written; on a full disk it is written already. */
  get #writable(): number {
    return this.#outage.isOn ? this.#lines.written : this.#accepted;
  }

  /** Whether a sync could make something up to this record durable; on a full disk it can. */
  #maySync(upTo: number): boolean {
    return !this.#outage.mustRestart && this.#ended === undefined && this.#synced < upTo;
  }

  #finish(): void {
    // What is written survives the process, unless a sync of it failed.
    const kept = this.#outage.mustRestart ? this.#synced : this.#lines.written;
    const reason = this.trouble?.message ?? 'the ledger was closed';
    this.#end(new AuditError('shutdown', 'the ledger is closed; nothing more is taken'));
    this.#writer.close();
    this.#lock.release();
    if (kept === this.#accepted) return;
    const error = new AuditError(
      'ledger-unavailable',
      `${this.#accepted - kept} record(s) could not be written to ${this.directory}: ${reason}`,
    );
    this.#observer.lost(this.#contentsFrom(kept + 1), error);
    throw error;
  }

  #contentsFrom(sequence: number): RecordContent[] {
    const contents: RecordContent[] = [];
    for (let n = sequence; n <= this.#built; n += 1) {
      const record = this.#hot.get(n);
      if (record !== undefined) contents.push(record.content);
    }
    for (let n = this.#built + 1; n <= this.#accepted; n += 1) {
      contents.push(recorded(this.#pendingOf(n)!.content));
    }
    return contents;
  }

  /** The process ends: what is written survives it, a sync only guards against the power going. */
  #closeAtExit(): void {
    this.#building = false; // an observer may have ended the process
    this.flush();
    const alone = !this.#syncer.isBusy;
    this.#syncer.abandon();
    this.#resume();
    if (this.#ended !== undefined) return;
    const lost = this.#outage.isOn ? this.#contentsFrom(this.#lines.written + 1) : [];
    const reason = this.trouble?.message;
    try {
      this.#writer.syncSync();
      // Beside another sync this one could not tell whose failure is whose.
      if (alone && !this.#outage.mustRestart && this.#lock.isHeld()) {
        this.#synced = this.#lines.written;
        this.#waiters.settleUpTo(this.#synced);
      }
    } catch {
      // Nobody was told that it is durable.
    }
    this.#end(new AuditError('shutdown', 'the process ends'));
    this.#lock.release();
    if (lost.length === 0) return;
    const fault = `${lost.length} record(s) could not be written before the process ended: ${reason}`;
    this.#observer.lost(lost, new AuditError('ledger-unavailable', fault));
  }

  /** @throws {AuditError} `queue-full` */
  #makeRoom(bytes: number): void {
    const { maxWaitingBytes } = this.#options;
    if (this.#waitingBytes + bytes <= Math.min(MAX_UNSYNCED_BYTES, maxWaitingBytes)) return;
    this.flush();
    if (!this.#outage.isOn) this.#syncer.blocking();
    if (this.#ended !== undefined) throw this.#ended;
    const bound = this.#outage.isOn ? maxWaitingBytes : maxWaitingBytes * LENIENCY;
    if (this.#waitingBytes + bytes <= bound) return;
    throw new AuditError(
      'queue-full',
      `${this.#waitingBytes} bytes of records wait to be written to ${this.directory}, and no more may: ${this.trouble?.message ?? 'the disk is too slow'}`,
    );
  }

  /** Makes a line of a record and puts it into the buffer. */
  #build(record: HotRecord, recordedAt: string): void {
    const { sequence, body } = record;
    record.previousHash = this.#hash;
    record.recordedAt = recordedAt;
    const line = headOf(sequence, this.#hash, recordedAt) + body;
    const bytes = this.#lines.put(sequence, line);
    this.#hash = hashOf(bytes);
    record.hash = this.#hash;
    record.bytes = bytes.length;
    record.letGoOfBody();
    this.#waitingBytes += bytes.length - (body.length + LINE_OVERHEAD);
    this.#hot.push(record);
    this.#built = sequence;
  }

  /** A writer that lost its lock would write over the records of the next one. */
  #mayBegin(): boolean {
    return !this.#outage.isOn && !this.#lockGone && (this.#lock.isHeld() || this.#noteLockGone());
  }

  /** For each turn's write: lines are acknowledged only after a look at the path as well. */
  #mayAppend(): boolean {
    return !this.#outage.isOn && !this.#lockGone && (this.#lock.isLinked() || this.#noteLockGone());
  }

  #noteLockGone(): false {
    this.#lockGone = true;
    return false;
  }

  #block(cause: unknown, mustRestart: boolean): void {
    const error = unavailable(`the ledger in ${this.directory} cannot be written`, cause);
    if (this.#outage.begin(error, mustRestart)) this.#observer.failed(error);
    this.#onSettled?.();
  }

  /** Tries to write what was kept in memory while the disk refused. */
  #resume(): void {
    if (!this.#outage.isOn || this.#ended !== undefined) return;
    if (this.#syncer.isBusy || this.#building) return; // the end of a sync comes back here
    this.#outage.attempt();
    if (!this.#lock.isHeld()) {
      this.#loseLock();
      return;
    }
    try {
      if (this.#outage.mustRestart) this.#lines.restartAt(this.#synced + 1);
      else this.#lines.rewind();
    } catch (error) {
      this.#block(error, true);
      return;
    }
    this.#outage.restarted();
    this.#building = true;
    for (let n = this.#lines.written + 1; n <= this.#built && !this.#outage.isOn; n += 1) {
      this.#lines.put(n, lineOf(this.#hot.peek(n)!));
    }
    this.#building = false;
    this.#lines.flush();
    if (this.#lockGone) this.#loseLock();
    else if (!this.#outage.isOn) this.flush();
  }

  /** Makes what is written durable: at once where somebody waits, soon otherwise. */
  #sync(): void {
    if (this.#syncer.isBusy || !this.#maySync(this.#lines.written)) return;
    const isUrgent = !this.#waiters.isEmpty || this.#waitingBytes >= MAX_UNSYNCED_BYTES;
    if (isUrgent) this.#syncer.now(this.#waitingBytes);
    else this.#syncer.soon();
  }

  #afterSync(target: number, error: unknown): void {
    if (error !== undefined) {
      this.#block(error, true);
      return;
    }
    if (!this.#lock.isHeld()) {
      this.#loseLock();
      return;
    }
    if (this.#outage.mustRestart) {
      // Another sync of the same file has failed meanwhile, and may have been told what this one was
      // not: a failure is reported once. All of it is written again.
      if (!this.#outage.awaitsRetry) this.#resume();
      return;
    }
    if (!this.#outage.isOn) this.#outage.forget();
    for (let n = this.#synced + 1; n <= target; n += 1) {
      this.#waitingBytes -= this.#hot.peek(n)!.bytes;
    }
    this.#synced = target;
    this.#waiters.settleUpTo(target);
    for (const callback of this.#growthListeners) callback();
    this.#readers.release();
    if (!this.#outage.awaitsRetry) this.#resume();
  }

  /** Somebody else writes now. What is not acknowledged may be superseded, so it never will be. */
  #loseLock(): void {
    const contents = this.#contentsFrom(this.#synced + 1);
    const error = new AuditError(
      'ledger-locked',
      `${this.#lock.path} is gone or was taken over: another writer may be at work in ${this.directory}; this one has stopped, restart the process`,
    );
    this.#outage.end(error);
    this.#end(error);
    this.#writer.close();
    this.#lock.release();
    this.#waitingBytes = 0; // they are lost, and wait no more
    this.#accepted = this.#synced;
    this.#observer.failed(error);
    if (contents.length > 0) this.#observer.lost(contents, error);
  }

  #end(error: AuditError): void {
    this.#ended = error;
    this.#forgetExit();
    this.#syncer.stop();
    this.#outage.end();
    this.#waiters.fail(error);
    this.#onSettled?.();
  }

  /** @throws {AuditError} `conflict` */
  #findSame(content: RecordContent): number | undefined {
    return findSame(content, this.#ids.find(content.id), (sequence) => {
      if (sequence > this.#accepted) return undefined; // cut off by a repair
      return sequence > this.#built
        ? this.#pendingOf(sequence)?.content
        : this.record(sequence)?.content;
    });
  }

  #readBack(sequence: number): LedgerRecord | undefined {
    if (sequence < this.first) return undefined;
    const { segments } = this.#writer;
    const path = segmentPath(this.directory, segments[segmentIndexOf(segments, sequence)]!);
    try {
      return readBackSync(path, sequence, this.#ids.offsetOf(sequence));
    } catch (error) {
      this.#observer.failed(
        unavailable(`record ${sequence} cannot be read back from ${path}`, toError(error)),
      );
      return undefined;
    }
  }
}

/** @throws {AuditError} `ledger-locked`, `ledger-unavailable` */
function lockFolder(directory: string): Lock {
  try {
    makeFolderSync(directory);
    return Lock.acquireSync(directory);
  } catch (error) {
    if (error instanceof AuditError) throw error;
    throw unavailable(`the ledger's folder ${directory} cannot be used`, error);
  }
}
