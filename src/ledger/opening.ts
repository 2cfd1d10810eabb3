import fs from 'node:fs';
import { basename, dirname } from 'node:path';
import { AuditError } from '../errors.js';
import { Chain, findLaterRecord } from './chain.js';
import { checkpointPath, listCheckpointsSync } from './checkpoint-files.js';
import { readCursorsSync } from './cursor.js';
import { FILE_MODE, syncFolderSync, tornPath } from './files.js';
import type { IdIndex } from './id-index.js';
import type { LineBuffer } from './line-buffer.js';
import { findPlainId, idOf } from './line-id.js';
import { type Manifest, newManifest, readManifestSync, writeManifestSync } from './manifest.js';
import { readLineSync, scanLinesSync } from './reader.js';
import { hashOf, parseRecord } from './record.js';
import { listSegmentsSync, segmentPath } from './segment.js';

/** What a folder turned out to hold. */
export interface OpenedLedger {
  readonly manifest: Manifest;
  /** First sequence numbers, ascending. */
  readonly segments: readonly number[];
  /** Bytes of the last segment. */
  readonly size: number;
  /** The newest record's number; before the first record, the number before it. */
  readonly newest: number;
  /** The newest record's hash. */
  readonly hash: string;
  /** What was repaired, in words. */
  readonly repairs: readonly string[];
}

/** Large reads: 90 ms against 350 for a segment of 61 MiB that is read whole. */
const SCAN_BYTES = 2 ** 20;
const LF = 0x0a;

/** How far off, as a share of a segment, the place of a line may be reckoned. */
const MARGIN = 1 / 64;
/** Enough for the end of a line. */
const NEAR_BYTES = 16 * 1024;

/**
 * Opens the ledger in a folder that is locked, or begins one. The last segment is checked line by
 * line, and a torn tail is moved to `torn/`.
 *
 * @throws {AuditError} `ledger-corrupt`, naming file, line and remedy; then nothing was changed.
 */
export function openLedgerSync(directory: string, createdAt: string, ids: IdIndex): OpenedLedger {
  const found = listSegmentsSync(directory);
  const known = readManifestSync(directory);
  if (known === undefined && found.length > 0) {
    throw corrupt(directory, 'has segments but no ledger.json');
  }
  const manifest = known ?? newManifest(createdAt);
  const { sequence: first, previousHash } = manifest.first;
  const segments = found.filter((segment) => segment >= first);
  const retired = found.filter((segment) => segment < first);
  if (segments.length === 0 ? first > 1 : segments[0] !== first) {
    throw corrupt(segmentPath(directory, first), `is missing, and with it record ${first}`);
  }
  if (retired.length > 0) requireFirst(directory, manifest);
  const empty: number[] = [];
  let tail: Tail | undefined;
  while (segments.length > 0) {
    tail = checkSegment(directory, segments, previousHash, ids);
    if (tail.next.sequence > segments.at(-1)! || segments.length === 1) break;
    // It never got a whole line: the one before is the last, with all its lines.
    empty.push(segments.pop()!);
  }
  const newest = tail === undefined ? first - 1 : tail.next.sequence - 1;
  requireCursors(directory, newest);
  requireCheckpoints(directory, newest);
  // From here on the folder is changed.
  if (known === undefined) writeManifestSync(directory, manifest);
  removeSegments(directory, retired);
  const repairs = empty.flatMap((segment) => moveAway(directory, segment));
  if (tail !== undefined) repairs.push(...cutOff(segmentPath(directory, segments.at(-1)!), tail));
  refillIds(directory, segments, newest, ids);
  const hash = tail?.next.previousHash ?? previousHash;
  return { manifest, segments, size: tail?.goodEnd ?? 0, newest, hash, repairs };
}

/** The end of a segment. */
interface Tail {
  /** Where the last good line ends, in bytes. */
  readonly goodEnd: number;
  /** What the next line must be. */
  readonly next: Chain;
}

/** Before what stands in front of it is removed: the first record must be the one that the manifest means. */
function requireFirst(directory: string, { first }: Manifest): void {
  const path = segmentPath(directory, first.sequence);
  const head = `{"seq":${first.sequence},"prev":"${first.previousHash}"`;
  const line = readLineSync(path, 0);
  if (line?.toString('latin1', 0, head.length) === head) return;
  throw corrupt(path, `does not begin with record ${first.sequence} as ledger.json describes it`);
}

function checkSegment(
  directory: string,
  segments: readonly number[],
  firstHash: string,
  ids: IdIndex,
): Tail {
  const first = segments.at(-1)!;
  const path = segmentPath(directory, first);
  const before = segments.at(-2);
  const hash = before === undefined ? firstHash : hashBefore(segmentPath(directory, before), first);
  if (hash === undefined) {
    // A power cut may leave a segment's name and take the end of the one before, if neither was synced.
    const next = new Chain(first, undefined);
    if (findLaterRecord(readFromSync(path, 0), next) === undefined) return { goodEnd: 0, next };
    throw corrupt(segmentPath(directory, before!), `lacks record ${first - 1}, its last`);
  }
  const chain = new Chain(first, hash);
  let fault: string | undefined;
  let lastAt = 0;
  let hashBeforeLast = chain.previousHash;
  const lines = scanLinesSync(path, SCAN_BYTES, (line) => {
    const previous = chain.previousHash;
    fault = chain.take(line.bytes, line.start, line.end);
    if (fault !== undefined) {
      line.unread();
      return false;
    }
    hashBeforeLast = previous;
    lastAt = line.offset - (line.end - line.start) - 1;
    noteId(ids, chain.sequence - 1, line, lastAt);
    return true;
  });
  let tail: Tail = { goodEnd: lines.offset, next: chain };
  // Nothing follows the last line that could vouch for it, so at least it must be a record.
  if (chain.sequence > first && !isRecord(readLineSync(path, lastAt)!)) {
    tail = { goodEnd: lastAt, next: new Chain(chain.sequence - 1, hashBeforeLast) };
    fault = undefined;
  }
  const later = findLaterRecord(readFromSync(path, tail.goodEnd), tail.next);
  if (later === undefined) return tail;
  const line = tail.next.sequence - first + 1;
  throw corrupt(path, `line ${line} ${fault ?? `is damaged, and record ${later} follows it`}`);
}

function isRecord(line: Buffer): boolean {
  try {
    parseRecord(line.toString('utf8'), line.length, '');
    return true;
  } catch {
    return false;
  }
}

/** The hash of the record before `next`, if the segment at this path has it, as it must. */
function hashBefore(path: string, next: number): string | undefined {
  const size = fs.statSync(path).size;
  const head = `{"seq":${next - 1},"prev":"`;
  for (let window = 64 * 1024; ; window *= 8) {
    const from = Math.max(0, size - window);
    const bytes = readFromSync(path, from);
    const marked = bytes.lastIndexOf(`\n${head}`, undefined, 'latin1');
    const isFirst = from === 0 && bytes.toString('latin1', 0, head.length) === head;
    if (marked >= 0 || isFirst) {
      const start = marked + 1;
      const end = bytes.indexOf(LF, start);
      return end < 0 ? undefined : hashOf(bytes.subarray(start, end));
    }
    if (from === 0) return undefined;
  }
}

function readFromSync(path: string, offset: number): Buffer {
  const fd = fs.openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.max(0, fs.fstatSync(fd).size - offset));
    let read = 0;
    while (read < bytes.length) {
      const count = fs.readSync(fd, bytes, read, bytes.length - read, offset + read);
      if (count === 0) break;
      read += count;
    }
    return bytes.subarray(0, read);
  } finally {
    fs.closeSync(fd);
  }
}

/** An acknowledged record that is no longer there is damage, whatever the segments look like. */
function requireCursors(directory: string, newest: number): void {
  for (const [sink, { acknowledged }] of readCursorsSync(directory)) {
    if (acknowledged <= newest) continue;
    throw corrupt(
      directory,
      `ends with record ${newest}, but sink ${sink} has acknowledged record ${acknowledged}: its end is missing`,
    );
  }
}

/** What a checkpoint covers was durable. The name of its file says how far it reaches. */
function requireCheckpoints(directory: string, newest: number): void {
  const size = listCheckpointsSync(directory).at(-1) ?? 0;
  if (size <= newest) return;
  throw corrupt(
    directory,
    `ends with record ${newest}, but ${checkpointPath(directory, size)} covers record ${size}: its end is missing`,
  );
}

/** Moves what follows the last good line to `torn/`. */
function cutOff(path: string, { goodEnd, next }: Tail): string[] {
  const rest = readFromSync(path, goodEnd);
  if (rest.length === 0) return [];
  const kept = tornPath(dirname(path), `${basename(path)}.${goodEnd}`);
  const fd = fs.openSync(kept, 'wx', FILE_MODE);
  try {
    fs.writeFileSync(fd, rest);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  syncFolderSync(dirname(kept));
  fs.truncateSync(path, goodEnd);
  return [
    `${path} did not end with a whole record: ${rest.length} bytes behind record ${next.sequence - 1} were moved to ${kept}`,
  ];
}

/** A segment without a whole line: kept in `torn/` if it holds anything at all. */
function moveAway(directory: string, segment: number): string[] {
  const path = segmentPath(directory, segment);
  if (fs.statSync(path).size === 0) {
    removeSegments(directory, [segment]);
    return [];
  }
  const kept = tornPath(directory, basename(path));
  fs.renameSync(path, kept);
  syncFolderSync(directory);
  return [`${path} held no whole record and was moved to ${kept}`];
}

function removeSegments(directory: string, segments: readonly number[]): void {
  if (segments.length === 0) return;
  for (const segment of segments) fs.unlinkSync(segmentPath(directory, segment));
  syncFolderSync(directory);
}

/** Notes the ids of older segments until the index is full. Their chain is checked when they are read. */
function refillIds(
  directory: string,
  segments: readonly number[],
  newest: number,
  ids: IdIndex,
): void {
  const wanted = newest - ids.capacity + 1; // an older one would take the place of a newer
  for (let index = segments.length - 2; index >= 0; index -= 1) {
    const end = segments[index + 1]!;
    if (end <= wanted) return;
    const path = segmentPath(directory, segments[index]!);
    let { sequence, offset } = findStart(path, segments[index]!, end, wanted);
    scanLinesSync(
      path,
      SCAN_BYTES,
      (line) => {
        if (sequence >= end) return false;
        if (sequence >= wanted) noteId(ids, sequence, line, offset);
        sequence += 1;
        offset = line.offset;
        return true;
      },
      offset,
    );
  }
}

const SEQUENCE = /^\{"seq":(\d{1,16}),/;

/** A line at or before a wanted one, as near to it as lines of even length would stand. */
export function findStart(
  path: string,
  first: number,
  end: number,
  wanted: number,
): { readonly sequence: number; readonly offset: number } {
  const { size } = fs.statSync(path);
  for (let share = (wanted - first) / (end - first) - MARGIN; share > 0; share -= MARGIN) {
    const { offset } = scanLinesSync(path, NEAR_BYTES, () => false, Math.floor(size * share));
    const line = readLineSync(path, offset)?.toString('latin1') ?? '';
    const sequence = Number(SEQUENCE.exec(line)?.[1] ?? Number.NaN);
    if (sequence >= first && sequence <= wanted) return { sequence, offset };
  }
  return { sequence: first, offset: 0 };
}

function noteId(ids: IdIndex, sequence: number, line: LineBuffer, offset: number): void {
  const { bytes, start, end } = line;
  const place = findPlainId(bytes, start, end);
  if (place !== undefined) ids.addAscii(bytes, place.from, place.to, sequence);
  else {
    const id = idOf(bytes, start, end);
    if (id === undefined) return;
    ids.add(id, sequence);
  }
  ids.setOffset(sequence, offset);
}

function corrupt(path: string, fault: string): AuditError {
  return new AuditError(
    'ledger-corrupt',
    `${path} ${fault}; restore the folder from a copy, or move it away to begin a new ledger (nothing was changed)`,
  );
}
