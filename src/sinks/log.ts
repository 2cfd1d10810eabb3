import { close, constants, fstat, ftruncate, open, read, stat, write } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { AuditError, messageOf } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import { type EventFields, eventToJson } from '../event/json.js';
import { formatTimestamp } from '../event/timestamp.js';
import { type Sink, SinkError } from '../sink.js';

/** What {@link logSink} takes. */
export interface LogSinkOptions {
  /** A file to append to; missing folders are made (0700), the file has mode 0600. Default: stdout. */
  readonly file?: string;
  /**
   * `json` (default): one event JSON a line; on stdout with `"T":<time>` and `"M":"AUDIT"` in front.
   * `console`: `<RFC 3339 time>⇥AUDIT⇥<event JSON>`.
   */
  readonly encoding?: 'json' | 'console';
  /** `full` adds `id` and `trace` to the event JSON. Default: `flipt`. */
  readonly fields?: EventFields;
  /** Reopen the file on SIGHUP, as logrotate expects. Default: false, no signal is listened to. */
  readonly reopenOnSighup?: boolean;
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
  const { file, encoding = 'json', fields = 'flipt', reopenOnSighup = false } = options;
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
  const toLine = lineFormat(encoding, fields, file === undefined);
  const reopen = () => output.reopen();
  if (reopenOnSighup) process.on('SIGHUP', reopen);

  let closed = false;
  let turn: Promise<void> = Promise.resolve(); // one batch at a time, whoever calls
  return {
    async sendAudits(events, { signal }) {
      if (closed) throw new SinkError('sink', 'the log sink is closed');
      const batch = toBatch(events, toLine);
      const mine = turn.then(() => {
        signal.throwIfAborted();
        return output.append(batch);
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

function toBatch(events: readonly AuditEvent[], toLine: LineFormat): Buffer {
  let text = '';
  for (const [index, event] of events.entries()) {
    try {
      text += toLine(event);
    } catch (error) {
      // A hand-made event that JSON cannot carry; nothing is written yet, so name just this one.
      throw new SinkError('event', `event ${index} cannot be written as JSON`, { cause: error });
    }
  }
  return Buffer.from(text);
}

interface Output {
  append(batch: Buffer): Promise<void>;
  reopen(): void;
  close(): Promise<void>;
}

class StandardOutput implements Output {
  append(batch: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      process.stdout.write(batch, (error) => {
        if (error == null) resolve();
        else reject(new SinkError('sink', `stdout: ${messageOf(error)}`, { cause: error }));
      });
    });
  }

  reopen(): void {}

  async close(): Promise<void> {} // stdout is not ours to close
}

const openFile = promisify(open);
const closeFile = promisify(close);
const statOpen = promisify(fstat);
const truncateOpen = promisify(ftruncate);
const statPath = promisify(stat);
const readBuffer = promisify(read);
const writeBuffer = promisify(write);

const LINE_FEED = 0x0a;

interface OpenFile {
  readonly fd: number;
  readonly dev: number;
  readonly ino: number;
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
      throw new SinkError(
        isTransient(error) ? 'transient' : 'sink',
        `${this.path}: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
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
    const { O_APPEND, O_CREAT, O_RDWR } = constants;
    const fd = await openFile(this.path, O_APPEND | O_CREAT | O_RDWR, 0o600);
    const stats = await statOpen(fd);
    this.#open = { fd, dev: stats.dev, ino: stats.ino };
    if (stats.isFile() && stats.size > 0) await this.#endLastLine(fd, stats.size);
    return this.#open;
  }

  /** A process killed while it wrote may have left half a line; ours must not be glued to it. */
  async #endLastLine(fd: number, size: number): Promise<void> {
    const last = Buffer.alloc(1);
    await readBuffer(fd, last, 0, 1, size - 1);
    if (last[0] !== LINE_FEED) await this.#appendWhole(fd, Buffer.of(LINE_FEED));
  }

  /** Writes the batch, or leaves the file as long as it was: never half a line. */
  async #appendWhole(fd: number, batch: Buffer): Promise<void> {
    let written = 0;
    try {
      while (written < batch.length) {
        const { bytesWritten } = await writeBuffer(
          fd,
          batch,
          written,
          batch.length - written,
          null,
        );
        if (bytesWritten === 0) throw new Error('nothing more could be written');
        written += bytesWritten;
      }
    } catch (error) {
      if (written > 0) {
        const { size } = await statOpen(fd);
        await truncateOpen(fd, size - written);
      }
      throw error;
    }
  }
}

async function leadsTo(path: string, open: OpenFile): Promise<boolean> {
  try {
    const { dev, ino } = await statPath(path);
    return dev === open.dev && ino === open.ino;
  } catch {
    return false; // gone: the next open makes it anew or says why not
  }
}

/** Errors that pass by themselves: a full disk, an exhausted table, an interrupted call. */
function isTransient(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return (
    code !== 'EACCES' &&
    code !== 'EPERM' &&
    code !== 'EROFS' &&
    code !== 'EISDIR' &&
    code !== 'ENOTDIR'
  );
}
