import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A line of a ledger, as any tool reads it. */
export interface ChainLine {
  readonly seq: number;
  readonly prev: string;
  readonly at: string;
  readonly id: string;
  readonly event?: { readonly type: string; readonly payload: unknown };
  readonly malformed?: unknown;
}

/**
 * Reads a ledger's folder with nothing of ours: node:crypto and JSON alone. Throws where the chain is
 * broken, a number is missing or a line is none. A segment ends where the next one's name begins.
 */
export function verifyChain(directory: string): ChainLine[] {
  const manifest = JSON.parse(readFileSync(join(directory, 'ledger.json'), 'utf8'));
  const segments = readdirSync(directory)
    .filter((name) => /^\d{20}\.jsonl$/.test(name))
    .sort();
  const lines: ChainLine[] = [];
  let next: number = manifest.first.sequence;
  let previous: string = manifest.first.previousHash;
  segments.forEach((name, index) => {
    if (Number(name.slice(0, 20)) !== next) throw new Error(`${name} should begin with ${next}`);
    const following = segments[index + 1];
    const end = following === undefined ? Number.POSITIVE_INFINITY : Number(following.slice(0, 20));
    const bytes = readFileSync(join(directory, name));
    let from = 0;
    while (from < bytes.length && next < end) {
      const lf = bytes.indexOf(10, from);
      if (lf < 0) throw new Error(`${name} does not end with a line end`);
      const line: ChainLine = JSON.parse(bytes.toString('utf8', from, lf));
      if (line.seq !== next) throw new Error(`${name}: ${line.seq} stands where ${next} should`);
      if (line.prev !== previous) throw new Error(`${name}: record ${next} breaks the chain`);
      previous = createHash('sha256').update(bytes.subarray(from, lf)).digest('hex');
      lines.push(line);
      next += 1;
      from = lf + 1;
    }
    if (following !== undefined && next !== end) throw new Error(`${name} ends before ${end}`);
  });
  return lines;
}
