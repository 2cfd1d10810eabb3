import { hashOf, parseRecord } from '../ledger/record.js';
import { segmentPath } from '../ledger/segment.js';
import { walkLines } from './lines.js';
import type { VerifyFault } from './report.js';

/** The place where the chain breaks. */
export interface Break {
  readonly directory: string;
  /** First sequence numbers, ascending. */
  readonly segments: readonly number[];
  /** Which segment it is in. */
  readonly index: number;
  /** The number of the line, from 1. */
  readonly line: number;
  /** The line that does not chain; undefined where the segment ends too early. */
  readonly bytes: Buffer | undefined;
  /** What should stand here. */
  readonly sequence: number;
  readonly previousHash: string;
  /** The line before, which still did chain; undefined at the very first. */
  readonly previous: PlacedLine | undefined;
  /** Whether a line is what the tree has for a record; undefined where the tree does not know. */
  readonly isInTree: (sequence: number, line: Buffer) => boolean | undefined;
}

/** A line and where it stands. */
export interface PlacedLine {
  readonly file: string;
  readonly line: number;
  readonly bytes: Buffer;
}

const HEAD = /^\{"seq":([1-9]\d{0,15}),"prev":"([0-9a-f]{64})","at":"/;
const HEAD_BYTES = 120;

/** Finds out what happened to the ledger at a place where the chain breaks. Reads on behind it. */
export async function diagnose(place: Break): Promise<VerifyFault> {
  const { sequence, line, bytes, previous } = place;
  const file = segmentPath(place.directory, place.segments[place.index]!);
  const beforeIsInTree = previous && place.isInTree(sequence - 1, previous.bytes);
  if (previous !== undefined && (beforeIsInTree === false || !isRecord(previous.bytes))) {
    return altered(previous, sequence - 1, 'is not what was recorded');
  }
  const here = { file, line, bytes: bytes ?? Buffer.alloc(0) };
  if (bytes === undefined) return findGap(place, here, undefined);
  const head = headOf(bytes);
  if (head === undefined) return altered(here, sequence, 'is no record any more');
  if (head.previousHash === place.previousHash && head.sequence !== sequence) {
    return altered(here, sequence, `now has the number ${head.sequence}`);
  }
  if (head.sequence > sequence) return findGap(place, here, head.sequence);
  if (head.sequence < sequence) {
    return {
      kind: 'doubled',
      sequence: head.sequence,
      file,
      line,
      explanation: `record ${head.sequence} stands here a second time, where record ${sequence} should`,
    };
  }
  // The number is right and the hash of the line before is not: one of the two lines was altered.
  if (previous === undefined || beforeIsInTree === true) {
    return altered(here, sequence, 'does not carry the hash of its predecessor');
  }
  const next = await findRecord(place, sequence + 1);
  if (next === undefined) {
    return altered(
      previous,
      sequence - 1,
      `or record ${sequence}, the last, was altered: the one does not carry the hash of the other`,
    );
  }
  return next.previousHash === hashOf(bytes)
    ? altered(previous, sequence - 1, 'no longer has the hash that the next record carries')
    : altered(here, sequence, 'no longer carries the hash of the record before');
}

/** Record `sequence` is not where it should be: is it elsewhere? */
async function findGap(
  place: Break,
  here: PlacedLine,
  found: number | undefined,
): Promise<VerifyFault> {
  const { sequence } = place;
  const elsewhere = await findRecord(place, sequence);
  if (elsewhere !== undefined) {
    return {
      kind: 'reordered',
      sequence,
      file: elsewhere.file,
      line: elsewhere.line,
      explanation: `record ${sequence} stands here, but belongs before record ${found ?? sequence + 1}`,
    };
  }
  const next = found ?? place.segments[place.index + 1]!;
  const what =
    next - 1 > sequence ? `records ${sequence} to ${next - 1} are` : `record ${sequence} is`;
  const explanation = `${what} missing`;
  return { kind: 'missing', sequence, file: here.file, line: here.line, explanation };
}

function altered({ file, line }: PlacedLine, sequence: number, fault: string): VerifyFault {
  return { kind: 'altered', sequence, file, line, explanation: `record ${sequence} ${fault}` };
}

interface FoundRecord {
  readonly file: string;
  readonly line: number;
  readonly previousHash: string;
}

/** Looks for a record behind the break. */
async function findRecord(
  { directory, segments, index, line: from }: Break,
  sequence: number,
): Promise<FoundRecord | undefined> {
  const wanted = `{"seq":${sequence},"prev":"`;
  let found: FoundRecord | undefined;
  for (let at = index; at < segments.length && found === undefined; at += 1) {
    const file = segmentPath(directory, segments[at]!);
    await walkLines(file, ({ bytes, start, end }, line) => {
      if (at === index && line < from) return true;
      const text = bytes.toString('latin1', start, Math.min(end, start + HEAD_BYTES));
      if (!text.startsWith(wanted)) return true;
      const previousHash = HEAD.exec(text)?.[2];
      if (previousHash === undefined) return true;
      found = { file, line, previousHash };
      return false;
    });
  }
  return found;
}

const SEQUENCE = /^\{"seq":([1-9]\d{0,15}),/;

/** The number that a line claims to have, if it claims one. */
export function sequenceOf(bytes: Buffer, start: number): number | undefined {
  const found = SEQUENCE.exec(bytes.toString('latin1', start, start + 30));
  return found === null ? undefined : Number(found[1]);
}

function headOf(bytes: Buffer): { sequence: number; previousHash: string } | undefined {
  const head = HEAD.exec(bytes.toString('latin1', 0, HEAD_BYTES));
  return head === null ? undefined : { sequence: Number(head[1]), previousHash: head[2]! };
}

/** Whether a line has the form of a record. */
export function isRecord(bytes: Buffer): boolean {
  try {
    parseRecord(bytes.toString('utf8'), bytes.length, '');
    return true;
  } catch {
    return false;
  }
}
