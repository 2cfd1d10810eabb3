import { close, constants, fstat, ftruncate, open, read, stat, write } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { AuditError, messageOf } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import { type EventFields, eventToJson } from '../event/json.js';
import { formatTimestamp } from '../event/timestamp.js';
import { type Sink, SinkError, type SinkFault } from '../sink.js';

/** What {@link logSink} takes. */
export interface LogSinkOptions {
  /** A file to append to; missing folders are made (0700), the file has mode 0600. Default: stdout. */
  readonly file?: string | undefined;
  /**
   * `json` (default): one event JSON a line; on stdout with `"T":<time>` and `"M":"AUDIT"` in front.
   * `console`: `<RFC 3339 time>⇥AUDIT⇥<event JSON>`.
   */
  readonly encoding?: 'json' | 'console' | undefined;
  /** `full` adds `id` and `trace` to the event JSON. Default: `flipt`. */
  readonly fields?: EventFields | undefined;
  /**
   * Reopen the file on SIGHUP, as logrotate expects; the signal then no longer ends the process.
   * Default: false, no signal is listened to.
   */
  readonly reopenOnSighup?: boolean | undefined;
}

/** A sink that writes lines. */
export interface LogSink extends Sink {
  /** Opens the file anew before the next batch; for rotation. */
  reopen(): void;
}

/**
 * Writes each event as a line to a file or to stdout. Whole lines only: a batch that does not fit on
 * the disk is cut off again and rejected. A file that was rotated or removed is noticed and opened
 * anew before the next batch. Written means handed to the operating system, not synced to the disk.
 *
 * @throws {AuditError} `invalid-option`, naming the option.
 */
export function logSink(options: LogSinkOptions = {}): LogSink {
  const { file, encoding = 'json', fields = 'flipt', reopenOnSighup = false, ...others } = options;
  // A misspelt `file` must not send the audit log to stdout unseen.
  const [unknown] = typeof options === 'object' ? Object.keys(others) : [String(options)];
  if (unknown !== undefined) {
    throw new AuditError('invalid-option', `logSink has no option ${JSON.stringify(unknown)}`);
  }
  if (file !== undefined && (typeof file !== 'string' || file === '' || file.includes('\0'))) {
    throw new AuditError('invalid-option', 'logSink.file must be the path of a file');
  }
  if (encoding !== 'json' && encoding !== 'console') {
    throw new AuditError('invalid-option', "logSink.encoding must be 'json' or 'console'");
  }
  if (fields !== 'flipt' && fields !== 'full') {
    throw new AuditError('invalid-option', "logSink.fields must be 'flipt' or 'full'");
  }
  const output = file === undefined ? new StandardOutput() : new AppendedFile(resolve(file));
  const printer = new BatchPrinter(lineFormat(encoding, fields, file === undefined));
  const reopen = () => output.reopen();
  if (reopenOnSighup) process.on('SIGHUP', reopen);

  let closed = false;
  let turn: Promise<void> = Promise.resolve(); // one batch at a time, whoever calls
  return {
    async sendAudits(events, { signal }) {
      if (closed) throw new SinkError('sink', 'the log sink is closed');
      const mine = turn.then(() => {
        signal.throwIfAborted();
        return output.append(printer.print(events));
      });
      turn = mine.catch(() => {});
      await mine;
    },
    reopen,
    async close() {
      closed = true;
      if (reopenOnSighup) process.off('SIGHUP', reopen);
      await turn;
      await output.close();
    },
  };
}

type LineFormat = (event: AuditEvent) => string;

function lineFormat(
  encoding: 'json' | 'console',
  fields: EventFields,
  stdout: boolean,
): LineFormat {
  const json = (event: AuditEvent) => eventToJson(event, { fields });
  if (encoding === 'console') {
    return (event) => `${formatTimestamp(Date.now())}\tAUDIT\t${json(event)}\n`;
  }
  if (stdout) {
    return (event) => `{"T":"${formatTimestamp(Date.now())}","M":"AUDIT",${json(event).slice(1)}\n`;
  }
  return (event) => `${json(event)}\n`;
}

/** Bytes that one batch may leave behind as a buffer for the next. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** Prints batches into one buffer that is used again: a third of the time of one long string. */
class BatchPrinter {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  readonly #toLine: LineFormat;

  constructor(toLine: LineFormat) {
    this.#toLine = toLine;
  }

  /** The lines of the batch; valid until the next call. */
  print(events: readonly AuditEvent[]): Buffer {
    let length = 0;
    for (const [index, event] of events.entries()) {
      const line = this.#line(event, index);
      this.#reserve(length, line.length * 3); // UTF-8 takes at most 3 bytes a UTF-16 unit
      length += this.#buffer.write(line, length);
    }
    const batch = this.#buffer.subarray(0, length);
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(64 * 1024);
    return batch;
  }

  #line(event: AuditEvent, index: number): string {
    try {
      return this.#toLine(event);
    } catch (error) {
      // A hand-made event that JSON cannot carry; nothing is written yet, so this one can be told.
      throw new SinkError('event', `event ${index} cannot be written as JSON`, { cause: error });
    }
  }

  #reserve(length: number, more: number): void {
    if (length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, length + more));
    this.#buffer.copy(larger, 0, 0, length);
    this.#buffer = larger;
  }
}

interface Output {
  append(batch: Buffer): Promise<void>;
  reopen(): void;
  close(): Promise<void>;
}

const STDOUT = 1;

class StandardOutput implements Output {
  /** Whether the last write may have ended in the middle of a line. */
  #torn = false;
  readonly #ignore = (): void => {}; // of its own, so that closing one sink leaves the others guarded

  constructor() {
    // A closed pipe is told twice, to the write's callback and as an event; an event that nobody
    // listens to would end the process.
    process.stdout.on('error', this.#ignore);
  }

  async append(batch: Buffer): Promise<void> {
    try {
      if ((await statOpen(STDOUT)).isFile()) await this.#writeToFile(batch);
      else await writeToStream(process.stdout, batch);
    } catch (error) {
      throw new SinkError(faultOf(error), `stdout: ${messageOf(error)}`, { cause: error });
    }
  }

  /**
   * The stream takes a short write to a redirected file for a whole one, so a full disk goes unseen.
   * What was half written stays, since the shell's descriptor need not append; it gets its own line.
   */
  async #writeToFile(batch: Buffer): Promise<void> {
    const lines = this.#torn ? Buffer.concat([Buffer.of(LINE_FEED), batch]) : batch;
    this.#torn = true;
    await writeWhole(STDOUT, lines, () => {});
    this.#torn = false;
  }

  reopen(): void {}

  async close(): Promise<void> {
    process.stdout.off('error', this.#ignore); // stdout itself is not ours to close
  }
}

function writeToStream(stream: NodeJS.WriteStream, batch: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    // A copy, for a stream may keep what it is given while the printer uses its buffer again.
    stream.write(Buffer.from(batch), (error) => (error == null ? resolve() : reject(error)));
  });
}

/** Writes all of the buffer; tells how many bytes were written as it goes on. */
async function writeWhole(
  fd: number,
  buffer: Buffer,
  progress: (written: number) => void,
): Promise<void> {
  let written = 0;
  while (written < buffer.length) {
    const { bytesWritten } = await writeBuffer(fd, buffer, written, buffer.length - written, null);
    if (bytesWritten === 0) throw new Error('nothing more could be written');
    written += bytesWritten;
    progress(written);
  }
}

const openFile = promisify(open);
const closeFile = promisify(close);
const statOpen = promisify(fstat);
const truncateOpen = promisify(ftruncate);
const statPath = promisify(stat);
const readBuffer = promisify(read);
const writeBuffer = promisify(write);
const pause = promisify(setTimeout);

const LINE_FEED = 0x0a;
/** A write that is under way has gone on after this long. */
const STANDSTILL_MS = 20;

/** An open file and what identifies it; as bigints, for an inode may exceed 2^53. */
interface OpenFile {
  readonly fd: number;
  readonly dev: bigint;
  readonly ino: bigint;
}

class AppendedFile implements Output {
  #open: OpenFile | undefined;
  #stale = false;
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async append(batch: Buffer): Promise<void> {
    if (batch.length === 0) return;
    try {
      const { fd } = await this.#current();
      await this.#appendWhole(fd, batch);
    } catch (error) {
      this.#stale = true; // half a line may stand at the end: the next batch opens anew and ends it
      throw new SinkError(faultOf(error), `${this.path}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  reopen(): void {
    this.#stale = true;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) await closeFile(open.fd);
  }

  /** The open file, opened anew when the path no longer leads to it. */
  async #current(): Promise<OpenFile> {
    const open = this.#open;
    if (open !== undefined && !this.#stale && (await leadsTo(this.path, open))) return open;
    this.#stale = false;
    await this.close();
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const fd = await openToAppend(this.path);
    try {
      const stats = await statOpen(fd, { bigint: true });
      if (stats.isFile()) await this.#endLastLine(fd);
      this.#open = { fd, dev: stats.dev, ino: stats.ino };
      return this.#open;
    } catch (error) {
      await closeFile(fd);
      throw error;
    }
  }

  /**
   * A write that failed half way may have left half a line; the next must not be glued to it. Another
   * process may be in the middle of its write: only what stands still is half a line.
   */
  async #endLastLine(fd: number): Promise<void> {
    let lastSize = -1;
    for (;;) {
      const { size } = await statOpen(fd);
      if (size === 0 || (await endsLine(fd, size))) return;
      if (size === lastSize) break;
      lastSize = size;
      await pause(STANDSTILL_MS);
    }
    await this.#appendWhole(fd, Buffer.of(LINE_FEED));
  }

  /** Writes the batch, or leaves the file as long as it was: never half a line. */
  async #appendWhole(fd: number, batch: Buffer): Promise<void> {
    const { size } = await statOpen(fd);
    let written = 0;
    try {
      await writeWhole(fd, batch, (bytes) => {
        written = bytes;
      });
    } catch (error) {
      await cutBack(fd, size, written);
      throw error;
    }
  }
}

async function endsLine(fd: number, size: number): Promise<boolean> {
  const last = Buffer.alloc(1);
  try {
    await readBuffer(fd, last, 0, 1, size - 1);
  } catch {
    return true; // a file that we may write and not read: its last byte stays unknown
  }
  return last[0] === LINE_FEED;
}

async function openToAppend(path: string): Promise<number> {
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDWR, O_WRONLY } = constants;
  if (!(await isPipe(path))) {
    try {
      return await openFile(path, O_APPEND | O_CREAT | O_RDWR, 0o600);
    } catch {
      return openFile(path, O_APPEND | O_CREAT | O_WRONLY, 0o600); // may be written and not read
    }
  }
  // Opening a named pipe waits for its reader, for ever if need be: ask first whether there is one.
  const probe = await openFile(path, O_WRONLY | O_NONBLOCK);
  try {
    return await openFile(path, O_WRONLY);
  } finally {
    await closeFile(probe);
  }
}

async function isPipe(path: string): Promise<boolean> {
  try {
    return (await statPath(path)).isFIFO();
  } catch {
    return false; // not there yet, or the open will say what is wrong
  }
}

/** Takes back the part of a batch that was written, unless somebody else wrote behind it. */
async function cutBack(fd: number, size: number, written: number): Promise<void> {
  try {
    if (written > 0 && (await statOpen(fd)).size === size + written) await truncateOpen(fd, size);
  } catch {
    // The half line stays; the next batch opens the file anew and ends it first.
  }
}

async function leadsTo(path: string, open: OpenFile): Promise<boolean> {
  try {
    const { dev, ino } = await statPath(path, { bigint: true });
    return dev === open.dev && ino === open.ino;
  } catch {
    return false; // gone: the next open makes it anew or says why not
  }
}

/** Errors that do not pass by themselves: somebody has to change a path, a mode or a mount. */
const LASTING = new Set(
  'EACCES EPERM EROFS EISDIR ENOTDIR ELOOP ENAMETOOLONG EPIPE EBADF ENOTSUP'.split(' '),
);

function faultOf(error: unknown): SinkFault {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && LASTING.has(code) ? 'sink' : 'transient';
}
