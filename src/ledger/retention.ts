import fs from 'node:fs';
import { syncFolderSync } from './files.js';
import { type Manifest, writeManifestSync } from './manifest.js';
import type { RetainOptions } from './options.js';
import { readLineSync } from './reader.js';
import { segmentPath } from './segment.js';

const HEAD = /^\{"seq":\d+,"prev":"([0-9a-f]{64})","at":"([^"]+)"/;

/**
 * Removes the oldest segments that are past a bound and whose every record is at or before `needed`;
 * never the last. The manifest says where the chain now begins before a file goes.
 *
 * @returns the new manifest and how many segments went; undefined if none did.
 */
export function retire(
  directory: string,
  segments: readonly number[],
  manifest: Manifest,
  { maxAgeMs, maxBytes }: RetainOptions,
  needed: number,
  now: number,
): { readonly manifest: Manifest; readonly count: number } | undefined {
  if (maxAgeMs === undefined && maxBytes === undefined) return undefined;
  const sizes = segments.map((segment) => fs.statSync(segmentPath(directory, segment)).size);
  let total = sizes.reduce((sum, size) => sum + size, 0);
  let count = 0;
  let previousHash = manifest.first.previousHash;
  while (count < segments.length - 1) {
    const next = segments[count + 1]!;
    if (next - 1 > needed) break;
    // What the next segment's first line says of its predecessor, and when it was written.
    const head = HEAD.exec(readLineSync(segmentPath(directory, next), 0)?.toString('utf8') ?? '');
    if (head === null) break;
    const tooOld = maxAgeMs !== undefined && Date.parse(head[2]!) < now - maxAgeMs;
    const tooMuch = maxBytes !== undefined && total > maxBytes;
    if (!tooOld && !tooMuch) break;
    previousHash = head[1]!;
    total -= sizes[count]!;
    count += 1;
  }
  if (count === 0) return undefined;
  const moved = { ...manifest, first: { sequence: segments[count]!, previousHash } };
  writeManifestSync(directory, moved);
  try {
    for (const segment of segments.slice(0, count)) fs.unlinkSync(segmentPath(directory, segment));
    syncFolderSync(directory);
  } catch {
    // The manifest no longer knows them: the next opening removes what is left.
  }
  return { manifest: moved, count };
}
