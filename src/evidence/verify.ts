import fs from 'node:fs';
import { join } from 'node:path';
import { AuditError } from '../errors.js';
import { readCursorsSync } from '../ledger/cursor.js';
import { codeOf, unavailable } from '../ledger/files.js';
import { type Manifest, readManifestSync } from '../ledger/manifest.js';
import { hashOf } from '../ledger/record.js';
import { listSegmentsSync, segmentPath } from '../ledger/segment.js';
import { diagnose, isRecord, type PlacedLine } from './diagnosis.js';
import { walkLines } from './lines.js';
import type { VerifiedCursor, VerifyFault, VerifyReport } from './report.js';

/** How a ledger is verified. */
export interface VerifyOptions {
  /** A signed checkpoint that was kept elsewhere: the text of a C2SP signed note. */
  readonly checkpoint?: string | undefined;
  /** The Ed25519 key that checkpoints must be signed with: SPKI in PEM, or a C2SP verifier key. */
  readonly publicKey?: string | undefined;
  /** Told now and then how far it is. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

/** How far verifying is. */
export interface VerifyProgress {
  readonly bytes: number;
  /** As it was when it began; a ledger in use grows. */
  readonly totalBytes: number;
  readonly records: number;
}

const HASH_LENGTH = 64;

/**
 * Verifies a ledger from its first record to its newest: the chain, the numbers, the cursors. Reads
 * everything once, in constant memory; changes nothing; works beside a running writer.
 *
 * @param directory one ledger: a slot, not the parent of slots
 * @throws {AuditError} `ledger-unavailable` if the folder is no ledger or cannot be read.
 *   What is wrong with the evidence is in the report.
 */
export async function verifyLedger(
  directory: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  let segments: number[];
  try {
    segments = listSegmentsSync(directory);
  } catch (error) {
    throw unavailable(`${directory} cannot be read`, error);
  }
  const walk = new Walk(directory, options.onProgress);
  const manifest = readManifest(directory, segments.length > 0);
  if (manifest instanceof AuditError) {
    const file = join(directory, 'ledger.json');
    const kind = fs.existsSync(file) ? 'altered' : 'missing';
    walk.fault = { kind, file, explanation: manifest.message };
  } else {
    await walk.run(manifest, segments);
  }
  const cursors = readCursors(directory, walk);
  return { ...walk.report(), stream: walk.stream, cursors, checkpoints: [], root: undefined };
}

/** @throws {AuditError} `ledger-unavailable` for a folder that is no ledger at all */
function readManifest(directory: string, hasSegments: boolean): Manifest | AuditError {
  let manifest: Manifest | undefined;
  try {
    manifest = readManifestSync(directory);
  } catch (error) {
    if (error instanceof AuditError) return error;
    throw unavailable(`${directory} cannot be read`, error);
  }
  if (manifest !== undefined) return manifest;
  if (hasSegments) {
    return new AuditError('ledger-corrupt', `${directory} has segments but no ledger.json`);
  }
  throw new AuditError('ledger-unavailable', `${directory} is no ledger: it has no ledger.json`);
}

function readCursors(directory: string, walk: Walk): VerifiedCursor[] {
  try {
    const cursors = [...readCursorsSync(directory)].map(([sink, { acknowledged, waiting }]) => ({
      sink,
      acknowledged,
      waiting: waiting.length,
    }));
    for (const { sink, acknowledged } of cursors) {
      if (walk.fault === undefined && acknowledged > walk.newest) {
        walk.fault = {
          kind: 'truncated',
          sequence: walk.newest + 1,
          file: walk.lastFile,
          explanation: `the ledger ends with record ${walk.newest}, but sink ${sink} has acknowledged record ${acknowledged}`,
        };
      }
    }
    return cursors;
  } catch (error) {
    if (!(error instanceof AuditError)) throw unavailable(`${directory} cannot be read`, error);
    const file = join(directory, 'cursors');
    walk.fault ??= { kind: 'altered', file, explanation: error.message };
    return [];
  }
}

/** Walks along all segments of a ledger. */
class Walk {
  fault: VerifyFault | undefined;
  stream: string | undefined;
  lastFile: string;
  readonly #directory: string;
  readonly #onProgress: VerifyOptions['onProgress'];
  #first = 1;
  /** What the next line must be. */
  #sequence = 1;
  #hash = '';
  #superseded = 0;
  #bytes = 0;
  #totalBytes = 0;

  constructor(directory: string, onProgress: VerifyOptions['onProgress']) {
    this.#directory = directory;
    this.#onProgress = onProgress;
    this.lastFile = join(directory, 'ledger.json');
  }

  get newest(): number {
    return this.#sequence - 1;
  }

  report() {
    const records = this.#sequence - this.#first;
    return {
      ok: this.fault === undefined,
      directory: this.#directory,
      fault: this.fault,
      first: this.#first,
      records,
      bytes: this.#bytes,
      head: records === 0 ? undefined : { sequence: this.newest, hash: this.#hash },
      superseded: this.#superseded,
    };
  }

  async run(manifest: Manifest, found: readonly number[]): Promise<void> {
    const { sequence, previousHash } = manifest.first;
    this.stream = manifest.stream;
    this.#first = sequence;
    this.#sequence = sequence;
    this.#hash = previousHash;
    const segments = found.filter((segment) => segment >= sequence);
    dropEmptyEnd(this.#directory, segments);
    if (segments.length === 0 ? sequence > 1 : segments[0] !== sequence) {
      const file = segmentPath(this.#directory, sequence);
      const explanation = `the segment is missing, and with it record ${sequence}`;
      this.fault = { kind: 'missing', sequence, file, explanation };
      return;
    }
    this.#totalBytes = segments.reduce((sum, segment) => sum + this.#sizeOf(segment), 0);
    for (let index = 0; index < segments.length && this.fault === undefined; index += 1) {
      await this.#segment(segments, index);
    }
  }

  async #segment(segments: readonly number[], index: number): Promise<void> {
    const file = segmentPath(this.#directory, segments[index]!);
    this.lastFile = file;
    const end = segments[index + 1] ?? Number.POSITIVE_INFINITY;
    let broken: { readonly line: number; readonly bytes: Buffer } | undefined;
    let last = 0;
    const ended = await walkLines(
      file,
      ({ bytes, start, end: lineEnd }, line) => {
        if (this.#sequence >= end) {
          this.#superseded += 1;
          return true;
        }
        if (!this.#chains(bytes, start)) {
          broken = { line, bytes: Buffer.from(bytes.subarray(start, lineEnd)) };
          return false;
        }
        this.#hash = hashOf(
          new Uint8Array(bytes.buffer, bytes.byteOffset + start, lineEnd - start),
        );
        this.#sequence += 1;
        last = line;
        return true;
      },
      (bytes) => {
        this.#bytes += bytes;
        this.#onProgress?.({
          bytes: this.#bytes,
          totalBytes: this.#totalBytes,
          records: this.#sequence - this.#first,
        });
      },
    );
    const isLast = index === segments.length - 1;
    const isShort = !isLast && this.#sequence < end;
    if (broken === undefined && isShort && ended.rest.length > 0) {
      this.fault = torn(file, last + 1, this.#sequence, ended.rest.length);
      return;
    }
    if (broken !== undefined || isShort) {
      const line = broken?.line ?? last + 1;
      const previous = await this.#lineBefore(segments, index, line);
      this.fault = await diagnose({
        directory: this.#directory,
        segments,
        index,
        line,
        bytes: broken?.bytes,
        sequence: this.#sequence,
        previousHash: this.#hash,
        previous,
      });
      this.#stepBack(this.fault, previous);
      return;
    }
    if (!isLast) return;
    const previous = await this.#lineBefore(segments, index, last + 1);
    if (previous !== undefined && !isRecord(previous.bytes)) {
      // Nothing follows the last line that could vouch for it, so at least it must be a record.
      const sequence = this.newest;
      const explanation = `record ${sequence}, the newest, is no record any more`;
      this.fault = { kind: 'altered', sequence, file, line: previous.line, explanation };
      this.#stepBack(this.fault, previous);
    } else if (ended.rest.length > 0) {
      this.fault = torn(file, last + 1, this.#sequence, ended.rest.length);
    }
  }

  /** Whether a line has the number and the hash that it must. */
  #chains(bytes: Buffer, start: number): boolean {
    const head = `{"seq":${this.#sequence},"prev":"${this.#hash}"`;
    return bytes.toString('latin1', start, start + head.length) === head;
  }

  /** A record that chained may turn out to be the one that was altered. */
  #stepBack(fault: VerifyFault, previous: PlacedLine | undefined): void {
    if (fault.sequence !== this.newest || previous === undefined) return;
    const head = `{"seq":${fault.sequence},"prev":"`;
    this.#hash = previous.bytes.toString('latin1', head.length, head.length + HASH_LENGTH);
    this.#sequence -= 1;
  }

  /** The last line that chained. */
  async #lineBefore(
    segments: readonly number[],
    index: number,
    line: number,
  ): Promise<PlacedLine | undefined> {
    if (line === 1 && index === 0) return undefined;
    const at = line === 1 ? index - 1 : index;
    const wanted = line === 1 ? segments[index]! - segments[at]! : line - 1;
    const file = segmentPath(this.#directory, segments[at]!);
    let found: PlacedLine | undefined;
    await walkLines(file, ({ bytes, start, end }, number) => {
      if (number < wanted) return true;
      found = { file, line: number, bytes: Buffer.from(bytes.subarray(start, end)) };
      return false;
    });
    return found;
  }

  #sizeOf(segment: number): number {
    return fs.statSync(segmentPath(this.#directory, segment)).size;
  }
}

/** A segment that never got a byte, as after a crash: the one before it is the last. */
function dropEmptyEnd(directory: string, segments: number[]): void {
  while (segments.length > 1) {
    try {
      if (fs.statSync(segmentPath(directory, segments.at(-1)!)).size > 0) return;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    segments.pop();
  }
}

function torn(file: string, line: number, sequence: number, bytes: number): VerifyFault {
  const explanation = `record ${sequence} does not end: ${bytes} bytes stand behind record ${sequence - 1}, as a crash leaves them; opening the ledger moves them to torn/`;
  return { kind: 'torn', sequence, file, line, explanation };
}
