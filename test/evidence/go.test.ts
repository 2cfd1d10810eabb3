import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { openCheckpoint } from '../../src/evidence/checkpoint.js';
import { proveConsistency, proveInclusion } from '../../src/evidence/proofs.js';
import { verifierKey } from '../../src/evidence/verifier-key.js';
import { checkpointFolder, ids, ORIGIN } from '../support/checkpoint-rig.js';
import { findGoProgram } from '../support/go-program.js';
import { keep } from '../support/ledger-folder.js';

const program = findGoProgram('tlog-check', 'test/evidence/go');
if (program === undefined && process.env.CI) {
  throw new Error('the program of test/evidence/go is missing: run scripts/build-tlog-check.mjs');
}
const goIt = program === undefined ? it.skip : it;
const folder = checkpointFolder();

/** From the tests of golang.org/x/mod/sumdb/note. */
const GO_SIGNER = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const GO_VERIFIER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';

interface Results {
  readonly Notes: string[];
  readonly Roots: string[];
  readonly Inclusions: string[];
  readonly Consistency: string[];
  readonly Signed: string;
}

describe('golang.org/x/mod/sumdb and github.com/transparency-dev/merkle', () => {
  goIt('accept our checkpoints and proofs, and nothing that was altered (needs Go)', async () => {
    const notes: string[] = [];
    for (const size of [1, 3, 64, 255, 256, 257, 700]) {
      const rig = folder.open({}, { maxSegmentBytes: 2 ** 16 });
      await keep(rig.ledger, ...ids(rig.ledger.newest, size - rig.ledger.newest));
      await rig.close();
      notes.push(rig.published[0]!.note);
    }
    const sizes = notes.map((note) => openCheckpoint(note, folder.key.public).size);
    const lines = folder.lines().map(String);
    const inclusions = sizes.flatMap((size) => {
      const sequences = [1, 2, size >> 1, size - 1, size].filter((n) => n >= 1 && n <= size);
      return sequences.map((sequence) => {
        const { root, hashes } = proveInclusion(folder.path, sequence, size);
        const line = lines[sequence - 1]!;
        return { Index: sequence - 1, Size: size, Line: line, Hashes: hashes, Root: root };
      });
    });
    const consistency = sizes.flatMap((to) =>
      sizes.flatMap((from) => {
        if (from > to) return [];
        const { fromRoot, toRoot, hashes } = proveConsistency(folder.path, from, to);
        return [{ From: from, To: to, FromRoot: fromRoot, ToRoot: toRoot, Hashes: hashes }];
      }),
    );
    const [last] = inclusions.slice(-1);
    const text = `audit.example/go\n5\n${last!.Root}\n`;
    const results = JSON.parse(
      execFileSync(program!, {
        encoding: 'utf8',
        input: JSON.stringify({
          VerifierKey: verifierKey(ORIGIN, folder.key.public),
          Notes: [...notes, notes[0]!.replace('\n1\n', '\n2\n')],
          Lines: lines,
          Inclusions: [...inclusions, { ...last!, Line: `${last!.Line} ` }],
          Consistency: [...consistency, { ...consistency.at(-2)!, FromRoot: last!.Root }],
          SignerKey: GO_SIGNER,
          Text: text,
        }),
      }),
    ) as Results;
    expect(results.Notes).toEqual([...notes.map(() => ''), expect.stringContaining('invalid')]);
    for (const note of notes) {
      const { size, root } = openCheckpoint(note, folder.key.public);
      expect(results.Roots[size - 1]).toBe(root);
    }
    expect(results.Inclusions.slice(0, -1)).toEqual(inclusions.map(() => ''));
    expect(results.Inclusions.at(-1)).toContain('does not match');
    expect(results.Consistency.slice(0, -1)).toEqual(consistency.map(() => ''));
    expect(results.Consistency.at(-1)).not.toBe('');
    expect(openCheckpoint(results.Signed, GO_VERIFIER)).toEqual({
      origin: 'audit.example/go',
      size: 5,
      root: last!.Root,
    });
  });
});
