import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { walkLines } from '../../src/evidence/lines.js';

const folder = fs.mkdtempSync(join(tmpdir(), 'lines-'));
const file = join(folder, 'file');
afterAll(() => fs.rmSync(folder, { recursive: true }));

async function walk(text: string, stopAt = 0) {
  fs.writeFileSync(file, text);
  const lines: string[] = [];
  let bytes = 0;
  const end = await walkLines(
    file,
    (line, number) => {
      lines.push(line.bytes.toString('latin1', line.start, line.end));
      expect(number).toBe(lines.length);
      return number !== stopAt;
    },
    {
      onRead: (count) => {
        bytes += count;
      },
    },
  );
  return { lines, end, bytes };
}

describe('walking along the lines of a file', () => {
  it('finds each whole line, however long, and what follows the last', async () => {
    // Around the sizes of a read and of what is carried over, and far past both.
    const lengths = fc.constantFrom(
      0,
      1,
      80,
      65_535,
      65_536,
      65_537,
      2 ** 20 - 1,
      2 ** 20,
      3_000_000,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(lengths, { maxLength: 6 }),
        fc.constantFrom(0, 7, 70_000),
        async (all, rest) => {
          const lines = all.map((length, n) => String.fromCharCode(97 + n).repeat(length));
          const text = `${lines.map((line) => `${line}\n`).join('')}${'z'.repeat(rest)}`;
          const walked = await walk(text);
          expect(walked.lines.map((line) => line.length)).toEqual(all);
          expect(walked.lines.every((line, n) => line === lines[n])).toBe(true);
          expect(walked.end).toEqual({ offset: text.length - rest, line: all.length, rest });
          expect(walked.bytes).toBe(text.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('stops where it is told to, and goes on from a place', async () => {
    const { lines, end } = await walk('a\nbb\nccc\n', 2);
    expect(lines).toEqual(['a', 'bb']);
    expect(end).toEqual({ offset: 5, line: 2, rest: 0 });
    const rest: [string, number][] = [];
    await walkLines(
      file,
      ({ bytes, start, end: to }, number) =>
        rest.push([bytes.toString('latin1', start, to), number]) > 0,
      { from: end },
    );
    expect(rest).toEqual([['ccc', 3]]);
  });

  it('fails where there is no file', async () => {
    await expect(walkLines(join(folder, 'none'), () => true)).rejects.toThrow('ENOENT');
  });
});
