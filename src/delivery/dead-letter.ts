import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../clock.js';
import { formatTimestamp } from '../event/timestamp.js';
import type { LedgerRecord } from '../ledger/record.js';
import type { DeadLetters } from './source.js';

const MAX_REASON_BYTES = 4096;
const LF = 0x0a;

/** What a file of dead letters needs. */
export interface DeadLetterOptions {
  /** The ledger's folder. */
  readonly directory: string;
  /** The sink's name. */
  readonly sink: string;
  /** The record as it stands in the ledger, one line without its LF. */
  readonly lineOf: (record: LedgerRecord) => string;
  readonly clock: Clock;
}

/**
 * Keeps dead letters as lines of `<directory>/dead/<sink>.jsonl`:
 * `{"at":"…","reason":"…","attempts":3,"record":{…}}`. The file is opened for each of them, for they
 * are rare and somebody may have moved it away.
 */
export function deadLetterFile(options: DeadLetterOptions): DeadLetters {
  const { directory, sink, lineOf, clock } = options;
  const path = join(directory, 'dead', `${sink}.jsonl`);
  let last: Promise<void> = Promise.resolve(); // one at a time: lines must not mix
  return {
    add(record, reason, attempts) {
      const added = last.then(async () => {
        const at = formatTimestamp(clock.now());
        await appendLine(directory, path, printLetter(at, reason, attempts, lineOf(record)));
      });
      last = added.catch(() => {});
      return added;
    },
  };
}

function printLetter(at: string, reason: string, attempts: number, line: string): string {
  const bounded = JSON.stringify(bound(reason)); // a newline in it becomes \n: it forges no line
  return `{"at":"${at}","reason":${bounded},"attempts":${attempts},"record":${line}}\n`;
}

/** The reason is the far side's: it may be long, and cut in the middle of a character. */
function bound(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  const cut = bytes.subarray(0, MAX_REASON_BYTES).toString();
  return `${cut.replace(/\ufffd$/, '')}…`;
}

async function appendLine(directory: string, path: string, line: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    try {
      // What a crash left of a line is closed off, or it would swallow this one.
      const separator = size > 0 && !(await endsWithLf(file, size)) ? '\n' : '';
      await file.appendFile(separator + line);
      await file.datasync();
      if (size === 0) {
        await syncFolder(folder);
        await syncFolder(directory);
      }
    } catch (thrown) {
      // A disk that is full took a part of it; the line is tried again as a whole.
      await file.truncate(size).catch(() => {});
      throw thrown;
    }
  } finally {
    await file.close();
  }
}

async function endsWithLf(file: FileHandle, size: number): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] === LF;
}

/** Makes new entries of a folder durable. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // it has no such thing
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
