import fs from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../ledger/manifest.js';
import { hashOf, NO_HASH } from '../ledger/record.js';
import { listSegmentsSync, segmentIndexOf, segmentPath } from '../ledger/segment.js';
import { diagnose, isRecord, type PlacedLine, sequenceOf } from './diagnosis.js';
import { beginsWith } from './head.js';
import { type LineInBuffer, type LinesEnd, readBytes, walkLines } from './lines.js';
import type { VerifyFault } from './report.js';
import type { TreeCheck } from './tree-check.js';

const HASH_LENGTH = 64;
/** A running writer ends a line at once; only one that was killed leaves it open. */
const PATIENCE = { looks: 10, ms: 50 };

/** Walks along all segments of a ledger: the chain, the numbers, the lines, and the tree if there is one. */
export class ChainWalk {
  fault: VerifyFault | undefined;
  /** Lines that a later segment supersedes. */
  superseded = 0;
  /** Bytes that were read. */
  bytes = 0;
  /** The file that was read last. */
  file: string;
  readonly first: number;
  readonly #directory: string;
  readonly #segments: readonly number[];
  readonly #tree: TreeCheck | undefined;
  readonly #onRead: () => void;
  /** What the next line must be. */
  #sequence: number;
  #hash: string;

  constructor(
    directory: string,
    manifest: Manifest,
    tree: TreeCheck | undefined,
    onRead: () => void,
  ) {
    this.#directory = directory;
    this.#tree = tree;
    this.#onRead = onRead;
    this.file = join(directory, 'ledger.json');
    this.first = manifest.first.sequence;
    this.#sequence = this.first;
    this.#hash = manifest.first.previousHash;
    this.#segments = wholeSegments(directory, this.first);
  }

  /** The newest record that is as it was recorded. */
  get newest(): number {
    return this.#sequence - 1;
  }

  /** Its hash. */
  get hash(): string {
    return this.#hash;
  }

  get totalBytes(): number {
    const sizes = this.#segments.map((first) => fs.statSync(this.#path(first)).size);
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Where a record stands. */
  placeOf(sequence: number): { readonly file: string; readonly line: number } {
    const segments = this.#segments;
    const segment = segments[Math.max(0, segmentIndexOf(segments, sequence))] ?? this.first;
    return { file: this.#path(segment), line: sequence - segment + 1 };
  }

  async run(): Promise<void> {
    const { first } = this;
    const segments = this.#segments;
    if (segments.length === 0 ? first > 1 : segments[0] !== first) {
      const explanation = `the segment is missing, and with it record ${first}`;
      this.fault = { kind: 'missing', sequence: first, file: this.#path(first), explanation };
    } else if (first === 1 && this.#hash !== NO_HASH) {
      const explanation = 'ledger.json says that something stood before record 1';
      this.fault = { kind: 'altered', file: this.file, explanation };
    }
    for (let index = 0; index < segments.length && this.fault === undefined; index += 1) {
      await this.#segment(index);
    }
  }

  async #segment(index: number): Promise<void> {
    const file = this.#path(this.#segments[index]!);
    this.file = file;
    const end = this.#segments[index + 1] ?? Number.POSITIVE_INFINITY;
    let broken: Buffer | undefined;
    /** The number of the last line that chained, and its length. */
    let last = 0;
    let length = 0;
    const ended = await this.#walk(file, index, (found, line) => {
      const { bytes, start, end: lineEnd } = found;
      if (this.#sequence >= end) {
        this.superseded += 1;
        const number = sequenceOf(bytes, start);
        // What is superseded has a number at or past the end; any other line was put there.
        if (number === undefined || number >= end) return true;
        broken = Buffer.from(bytes.subarray(start, lineEnd));
        return false;
      }
      if (!beginsWith(bytes, start, this.#sequence, this.#hash)) {
        broken = Buffer.from(bytes.subarray(start, lineEnd));
        return false;
      }
      this.#hash = hashOf(new Uint8Array(bytes.buffer, bytes.byteOffset + start, lineEnd - start));
      this.#tree?.add(bytes, start, lineEnd);
      this.#sequence += 1;
      last = line;
      length = lineEnd - start;
      return true;
    });
    const isLast = index === this.#segments.length - 1;
    if (broken !== undefined) await this.#explain(index, ended.line, broken);
    else if (isLast) await this.#checkEnd(index, last, length, ended);
    else if (this.#sequence < end && ended.rest > 0) await this.#tear(last + 1, ended);
    else if (this.#sequence < end) await this.#explain(index, last + 1, undefined);
  }

  /** Walks along a segment. The last one may be written while it is read: its end is looked at again. */
  async #walk(
    file: string,
    index: number,
    onLine: (found: LineInBuffer, line: number) => boolean,
  ): Promise<LinesEnd> {
    const onRead = (bytes: number) => {
      this.bytes += bytes;
      this.#onRead();
    };
    let ended = await walkLines(file, onLine, { onRead });
    for (let looks = 0; ended.rest > 0 && looks < PATIENCE.looks; looks += 1) {
      if (index < this.#segments.length - 1 || !isInUse(this.#directory)) break;
      await new Promise((resolve) => setTimeout(resolve, PATIENCE.ms));
      ended = await walkLines(file, onLine, { from: ended });
    }
    return ended;
  }

  /** Nothing follows the last line that could vouch for it, so at least it must be a record. */
  async #checkEnd(index: number, last: number, length: number, ended: LinesEnd): Promise<void> {
    const { file } = this;
    if (last > 0) {
      const bytes = await readBytes(file, ended.offset - length - 1, length);
      if (!isRecord(bytes)) {
        const sequence = this.newest;
        const explanation = `record ${sequence}, the newest, is no record any more`;
        const fault: VerifyFault = { kind: 'altered', sequence, file, line: last, explanation };
        this.#blame(fault, { file, line: last, bytes });
        return;
      }
    }
    // A segment that has begun meanwhile supersedes what this one may end with.
    const hasEnded = wholeSegments(this.#directory, this.first).at(-1)! > this.#segments[index]!;
    if (ended.rest > 0 && !hasEnded) await this.#tear(last + 1, ended);
  }

  async #explain(index: number, line: number, bytes: Buffer | undefined): Promise<void> {
    const previous = await this.#lineBefore(index, line);
    const fault = await diagnose({
      directory: this.#directory,
      segments: this.#segments,
      index,
      line,
      bytes,
      sequence: this.#sequence,
      previousHash: this.#hash,
      previous,
      isInTree: this.#tree?.isInTree ?? (() => undefined),
    });
    const isDescribedWrongly =
      previous === undefined &&
      bytes !== undefined &&
      this.#tree?.isInTree(this.first, bytes) === true;
    if (isDescribedWrongly) {
      const file = join(this.#directory, 'ledger.json');
      const explanation = `ledger.json does not have the hash that record ${this.first} carries`;
      this.fault = { kind: 'altered', file, explanation };
    } else this.#blame(fault, previous);
  }

  /** A record that chained may turn out to be the one that was altered. */
  #blame(fault: VerifyFault, previous: PlacedLine | undefined): void {
    this.fault = fault;
    if (fault.kind !== 'altered' || fault.sequence !== this.newest || previous === undefined)
      return;
    const head = `{"seq":${fault.sequence},"prev":"`;
    this.#hash = previous.bytes.toString('latin1', head.length, head.length + HASH_LENGTH);
    this.#sequence -= 1;
  }

  /** The segment ends with a line that does not. */
  async #tear(line: number, { offset, rest }: LinesEnd): Promise<void> {
    const sequence = this.#sequence;
    const { file } = this;
    const bytes = await readBytes(file, offset, rest);
    if (this.#tree?.isInTree(sequence, bytes.subarray(0, -1)) === true) {
      const explanation = `the line end of record ${sequence} was altered`;
      this.fault = { kind: 'altered', sequence, file, line, explanation };
      return;
    }
    const explanation = `record ${sequence} does not end: ${rest} bytes stand behind record ${sequence - 1}, as a crash leaves them; opening the ledger moves them to torn/`;
    this.fault = { kind: 'torn', sequence, file, line, explanation };
  }

  /** The line that chained before this place. */
  async #lineBefore(index: number, line: number): Promise<PlacedLine | undefined> {
    if (line === 1 && index === 0) return undefined;
    const segments = this.#segments;
    const at = line === 1 ? index - 1 : index;
    const wanted = line === 1 ? segments[index]! - segments[at]! : line - 1;
    const file = this.#path(segments[at]!);
    let found: PlacedLine | undefined;
    await walkLines(file, ({ bytes, start, end }, number) => {
      if (number < wanted) return true;
      found = { file, line: number, bytes: Buffer.from(bytes.subarray(start, end)) };
      return false;
    });
    return found;
  }

  #path(segment: number): string {
    return segmentPath(this.#directory, segment);
  }
}

/** The segments that count; those at the end that never got a byte, as after a crash, do not. */
function wholeSegments(directory: string, first: number): number[] {
  const segments = listSegmentsSync(directory).filter((segment) => segment >= first);
  const isEmpty = (segment: number) => {
    const stat = fs.statSync(segmentPath(directory, segment));
    return stat.isFile() && stat.size === 0;
  };
  while (segments.length > 1 && isEmpty(segments.at(-1)!)) segments.pop();
  return segments;
}

function isInUse(directory: string): boolean {
  return fs.existsSync(join(directory, 'lock'));
}
