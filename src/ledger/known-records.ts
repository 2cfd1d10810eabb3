import { AuditError } from '../errors.js';
import { eventToJson } from '../event/json.js';
import { findLineSync, readLineSync } from './reader.js';
import { hashOf, type LedgerRecord, parseRecord, type RecordContent } from './record.js';

/**
 * The record that this content already stands in.
 *
 * @param candidates records that may have its id
 * @throws {AuditError} `conflict` where the id is another content's
 */
export function findSame(
  content: RecordContent,
  candidates: readonly number[],
  contentAt: (sequence: number) => RecordContent | undefined,
): number | undefined {
  for (const sequence of candidates) {
    const known = contentAt(sequence);
    if (known === undefined || known.id !== content.id) continue;
    if (sameContent(known, content)) return sequence;
    throw new AuditError(
      'conflict',
      `the id ${JSON.stringify(content.id)} is already recorded, in record ${sequence}, with other content`,
    );
  }
  return undefined;
}

function sameContent(a: RecordContent, b: RecordContent): boolean {
  if (a.event !== undefined && b.event !== undefined) {
    return eventToJson(a.event) === eventToJson(b.event);
  }
  if (a.event !== undefined || b.event !== undefined) return false;
  return a.reason === b.reason && a.attributesText === b.attributesText;
}

/**
 * A record from its segment; undefined if it is not there.
 *
 * @param offset of its line in bytes, where it is known
 */
export function readBackSync(
  path: string,
  sequence: number,
  offset = findLineSync(path, sequence),
): LedgerRecord | undefined {
  const line = offset === undefined ? undefined : readLineSync(path, offset);
  if (line === undefined) return undefined;
  const record = parseRecord(line.toString('utf8'), line.length, hashOf(line));
  return record.sequence === sequence ? record : undefined;
}
