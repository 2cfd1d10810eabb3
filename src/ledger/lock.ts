import fs from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AuditError } from '../errors.js';
import { codeOf, FILE_MODE, sleepSync } from './files.js';

/** Who writes a ledger; the content of its file `lock`. */
interface Holder {
  /** Counts up while the writer lives. Of a fixed width, so that it is rewritten in place. */
  readonly beat: string;
  readonly host: string;
  /** Another after each start of the machine; empty where the system does not tell. */
  readonly boot: string;
  /** Process ids mean something only within one of these (containers); empty likewise. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** When the process started, in the system's own unit; empty where the system does not tell. */
  readonly startTime: string;
  readonly thread: number;
  readonly token: string;
}

const BEAT_MS = 1000;
/** A lock that nobody can be asked about is taken over after this long without a beat. */
const SILENCE_MS = 5000;
const POLL_MS = 100;
/** How long a takeover may take before its guard counts as left behind. */
const GUARD_MS = 2000;
const GUARD_POLL_MS = 5;
const BEAT_DIGITS = 12;
const MAX_LOCK_BYTES = 4096;

/**
 * The tokens of the locks that this thread holds: where the system tells nothing of processes, a
 * thread that waits for a heartbeat would wait for its own. Shared by the two copies of the package.
 */
const HELD = Symbol.for('otel-audit.locks');
const shared = globalThis as { [HELD]?: Set<string> };
shared[HELD] ??= new Set();
const heldHere = shared[HELD];

/** The one writer's claim on a ledger. */
export class Lock {
  readonly path: string;
  /** Whether a dead writer's lock was replaced: its late lines may still come. */
  readonly takenOver: boolean;
  /** Called when a heartbeat finds that the lock is no longer ours. */
  onLost: (() => void) | undefined;
  readonly #fd: number;
  readonly #inode: number;
  readonly #device: number;
  readonly #holder: Holder;
  readonly #timer: NodeJS.Timeout;
  #beat = 0;
  #released = false;

  private constructor(path: string, fd: number, holder: Holder, takenOver: boolean) {
    heldHere.add(holder.token);
    this.path = path;
    this.takenOver = takenOver;
    this.#fd = fd;
    const { ino, dev } = fs.fstatSync(fd);
    this.#inode = ino;
    this.#device = dev;
    this.#holder = holder;
    // The heartbeat speaks to other hosts, so it runs on the real clock; nobody waits for it.
    this.#timer = setInterval(() => this.#sendBeat(), BEAT_MS).unref();
  }

  /**
   * Claims a ledger's folder, without waiting where the holder can be asked about; up to 5 s where
   * only the heartbeat can tell.
   *
   * @throws {AuditError} `ledger-locked`, naming the holder, while a live writer holds it.
   */
  static acquireSync(directory: string): Lock {
    return claim(directory, true, undefined) as Lock;
  }

  /**
   * The lock, or undefined if it is held, or if only waiting could tell.
   *
   * @param silent the text of a lock that the caller has watched long enough without a heartbeat
   */
  static tryAcquireSync(directory: string, silent?: string): Lock | undefined {
    return claim(directory, false, silent);
  }

  /** What a folder's lock says now; undefined if there is none. */
  static textOf(directory: string): string | undefined {
    return rawLock(join(directory, 'lock'));
  }

  static own(path: string, fd: number, holder: Holder, takenOver: boolean): Lock {
    return new Lock(path, fd, holder, takenOver);
  }

  /** Whether the lock is still ours: the file at its path is ours, so nobody took or moved the folder. */
  isHeld(): boolean {
    if (this.#released) return false;
    try {
      const found = fs.statSync(this.path, { throwIfNoEntry: false });
      return found?.ino === this.#inode && found.dev === this.#device;
    } catch {
      return false;
    }
  }

  /**
   * Whether nobody removed or replaced our file, at less than half of the cost of {@link isHeld}. Enough
   * before a write to a file that is open already: where the folder was moved, that file moved with it.
   */
  isLinked(): boolean {
    if (this.#released) return false;
    try {
      return fs.fstatSync(this.#fd).nlink > 0;
    } catch {
      return false;
    }
  }

  release(): void {
    if (this.#released) return;
    const held = this.isHeld();
    this.#released = true;
    heldHere.delete(this.#holder.token);
    clearInterval(this.#timer);
    try {
      if (held) fs.unlinkSync(this.path);
    } catch {
      // The folder is gone or read-only: the pid in the lock will tell that nobody holds it.
    }
    fs.closeSync(this.#fd);
  }

  #sendBeat(): void {
    if (!this.isHeld()) {
      clearInterval(this.#timer);
      this.onLost?.();
      return;
    }
    this.#beat += 1;
    try {
      const beat = String(this.#beat).padStart(BEAT_DIGITS, '0');
      fs.writeSync(this.#fd, textOf({ ...this.#holder, beat }), 0);
    } catch {
      // A full disk cannot stop this, for the length stays; a lost one is seen where it matters.
    }
  }
}

function claim(directory: string, mayWait: boolean, silent: string | undefined): Lock | undefined {
  const path = join(directory, 'lock');
  const holder = thisHolder();
  const temporary = `${path}.${holder.token}`;
  const fd = fs.openSync(temporary, 'wx+', FILE_MODE);
  try {
    fs.writeSync(fd, textOf(holder), 0);
    for (;;) {
      // A link appears whole or not at all, with the content already in it.
      if (tryLink(temporary, path)) return Lock.own(path, fd, holder, false);
      const found = rawLock(path);
      if (found === undefined) continue;
      const other = parseHolder(found);
      const state = judge(other, path, mayWait, silent);
      if (state === 'changed') continue;
      if (state === 'dead') {
        if (takeOver(temporary, path, found)) return Lock.own(path, fd, holder, true);
        continue;
      }
      if (!mayWait) return close(fd);
      throw locked(path, other);
    }
  } catch (error) {
    close(fd);
    throw error;
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/**
 * Puts our lock in the place of a dead one, if that is still there: among several who found it dead,
 * one wins, and the others look again.
 */
function takeOver(temporary: string, path: string, dead: string): boolean {
  const guard = `${path}.takeover`;
  try {
    fs.closeSync(fs.openSync(guard, 'wx', FILE_MODE));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    // Its owner needs a moment only; one that died in it has left it there.
    const made = fs.statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Math.abs(Date.now() - made) > GUARD_MS) fs.rmSync(guard, { force: true });
    else sleepSync(GUARD_POLL_MS);
    return false;
  }
  try {
    if (rawLock(path) !== dead) return false;
    fs.renameSync(temporary, path);
    return true;
  } finally {
    fs.rmSync(guard, { force: true });
  }
}

function close(fd: number): undefined {
  fs.closeSync(fd);
}

function tryLink(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * What is known of the holder of a lock; `changed`: it is another by now, or gone. May block for 5 s
 * where only silence tells.
 */
function judge(
  other: Holder | undefined,
  path: string,
  mayWait: boolean,
  silent: string | undefined,
): 'alive' | 'dead' | 'changed' {
  if (other !== undefined && heldHere.has(other.token)) return 'alive';
  const self = thisHolder();
  if (other !== undefined && self.boot !== '' && other.host === self.host) {
    if (other.boot === self.boot && other.pidNamespace === self.pidNamespace) {
      return isAlive(other.pid, other.startTime) ? 'alive' : 'dead';
    }
  }
  if (!mayWait) return silent !== undefined && rawLock(path) === silent ? 'dead' : 'alive';
  // Another host, another container, another boot, or a lock that nobody can read.
  const before = rawLock(path);
  for (let waited = 0; waited < SILENCE_MS; waited += POLL_MS) {
    sleepSync(POLL_MS);
    if (rawLock(path) === before) continue;
    const now = rawLock(path);
    if (now === undefined) return 'changed';
    return parseHolder(now)?.token === other?.token ? 'alive' : 'changed';
  }
  return 'dead';
}

function isAlive(pid: number, startTime: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  const { state, startTime: now } = processOf(pid);
  // A zombie writes no more, but answers to its pid until its parent asks for it, which may be never.
  if (state === 'Z' || state === 'X') return false;
  return startTime === '' || now === '' || now === startTime;
}

function thisHolder(): Holder {
  return {
    beat: '0'.repeat(BEAT_DIGITS),
    host: hostname(),
    boot: readSystem('/proc/sys/kernel/random/boot_id'),
    pidNamespace: readPidNamespace(),
    pid: process.pid,
    startTime: processOf(process.pid).startTime,
    thread: process.getBuiltinModule('node:worker_threads').threadId,
    token: crypto.randomUUID(),
  };
}

/** Fields 3 and 22 of /proc/<pid>/stat; the name in field 2 may hold anything, `)` included. */
function processOf(pid: number): { readonly state: string; readonly startTime: string } {
  const stat = readSystem(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
}

function readPidNamespace(): string {
  try {
    return fs.readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function readSystem(path: string): string {
  try {
    return fs.readFileSync(path, 'latin1').trim();
  } catch {
    return ''; // not Linux
  }
}

function textOf(holder: Holder): string {
  return `${JSON.stringify(holder)}\n`;
}

function rawLock(path: string): string | undefined {
  try {
    const text = fs.readFileSync(path, 'utf8');
    return text.slice(0, MAX_LOCK_BYTES);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The holder; undefined if the text cannot be understood. It is anybody's. */
function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    const { beat, host, boot, pidNamespace, pid, startTime, thread, token } = holder;
    const texts = [beat, host, boot, pidNamespace, startTime, token];
    const sound =
      texts.every((value) => typeof value === 'string') &&
      Number.isSafeInteger(thread) &&
      Number.isSafeInteger(pid) &&
      pid > 0;
    return sound ? holder : undefined;
  } catch {
    return undefined;
  }
}

function locked(path: string, other: Holder | undefined): AuditError {
  const who =
    other === undefined
      ? 'by a writer that keeps changing it'
      : `by process ${other.pid} on host ${JSON.stringify(other.host)}, thread ${other.thread}`;
  return new AuditError(
    'ledger-locked',
    `${path} is held ${who}, which is alive; one ledger has one writer: give each process a directory of its own, or set slots: true`,
  );
}
