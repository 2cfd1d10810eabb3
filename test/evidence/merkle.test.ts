import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  emptyRoot,
  Frontier,
  fromBase64,
  type Hash,
  leafHash,
  leafHashAt,
  type NodeOf,
  nodeHash,
  toBase64,
} from '../../src/evidence/merkle.js';
import {
  consistencyPath,
  inclusionPath,
  isConsistent,
  isIncluded,
} from '../../src/evidence/merkle-paths.js';

const hex = (hash: Hash) => Buffer.from(hash, 'latin1').toString('hex');

/**
 * The leaves, roots and proofs of the Certificate Transparency reference implementation
 * (merkle_tree_test.cc), which every implementation of RFC 6962 checks itself against.
 */
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((text) => Buffer.from(text, 'hex'));
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const INCLUSION: [index: number, size: number, path: string[]][] = [
  [0, 1, []],
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    1,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];
const CONSISTENCY: [from: number, to: number, path: string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];

/** MTH of RFC 6962, 2.1, as it stands there. */
function definition(leaves: readonly Buffer[]): Buffer {
  const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return sha256(Buffer.of(0), leaves[0]!);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Buffer.of(1), definition(leaves.slice(0, k)), definition(leaves.slice(k)));
}

const nodesOf =
  (leaves: readonly Buffer[]): NodeOf =>
  (level, index) =>
    definition(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)).toString('latin1');

const rootOf = (leaves: readonly Buffer[]) => definition(leaves).toString('latin1');
const numbered = (count: number) => Array.from({ length: count }, (_, n) => Buffer.from(`${n}`));

describe('the Merkle tree of RFC 6962', () => {
  it('has the root of the reference vectors at every size', () => {
    const tree = new Frontier();
    expect(hex(tree.root())).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(tree.root()).toBe(emptyRoot());
    const roots = LEAVES.map((leaf) => {
      tree.add(leafHash(leaf));
      return hex(tree.root());
    });
    expect(roots).toEqual(ROOTS);
  });

  it.each(INCLUSION)('leaf %d of %d has the path of the reference vectors', (index, size, path) => {
    const leaves = LEAVES.slice(0, size);
    const found = inclusionPath(index, size, nodesOf(leaves));
    expect(found.map(hex)).toEqual(path);
    expect(isIncluded(leafHash(leaves[index]!), index, size, found, rootOf(leaves))).toBe(true);
  });

  it.each(CONSISTENCY)('from %d to %d is shown as in the reference vectors', (from, to, path) => {
    const found = consistencyPath(from, to, nodesOf(LEAVES));
    expect(found.map(hex)).toEqual(path);
  });

  it('is the definition, grown leaf by leaf and taken up at any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 70 }), (a, b) => {
        const leaves = numbered(a + b);
        const tree = new Frontier(a, nodesOf(leaves));
        for (const leaf of leaves.slice(a)) tree.add(leafHash(leaf));
        expect(tree.size).toBe(a + b);
        expect(tree.root()).toBe(rootOf(leaves));
      }),
    );
  });

  it('tells of every node that a leaf completes', () => {
    const leaves = numbered(64);
    const tree = new Frontier();
    leaves.forEach((leaf, n) => {
      tree.add(leafHash(leaf), (level, hash) => {
        expect(hash).toBe(nodesOf(leaves)(level, (n + 1) / 2 ** level - 1));
      });
    });
    expect.assertions(63);
  });

  it('proves every leaf in every tree, and nothing else', () => {
    for (let size = 1; size <= 33; size += 1) {
      const leaves = numbered(size);
      const root = rootOf(leaves);
      for (let index = 0; index < size; index += 1) {
        const path = inclusionPath(index, size, nodesOf(leaves));
        const leaf = leafHash(leaves[index]!);
        expect(isIncluded(leaf, index, size, path, root)).toBe(true);
        expect(isIncluded(leaf, index + 1, size, path, root)).toBe(false);
        expect(isIncluded(leafHash(Buffer.from('x')), index, size, path, root)).toBe(false);
        expect(isIncluded(leaf, index, size, [...path, root], root)).toBe(false);
        expect(isIncluded(leaf, index, size, path.slice(1), root)).toBe(size === 1);
      }
    }
  });

  it('proves every tree to go on from every earlier one, and from no other', () => {
    for (let to = 1; to <= 33; to += 1) {
      const leaves = numbered(to);
      const root = rootOf(leaves);
      for (let from = 1; from <= to; from += 1) {
        const earlier = rootOf(leaves.slice(0, from));
        const other = rootOf([...leaves.slice(0, from - 1), Buffer.from('x')]);
        const path = consistencyPath(from, to, nodesOf(leaves));
        expect(isConsistent(from, earlier, to, root, path)).toBe(true);
        expect(isConsistent(from, other, to, root, path)).toBe(false);
        expect(isConsistent(from, earlier, to, other, path)).toBe(false);
        expect(isConsistent(from, earlier, to, root, [...path, root])).toBe(false);
        expect(isConsistent(from, earlier, to, root, path.slice(1))).toBe(path.length === 0);
      }
    }
  });

  it('holds for sizes past 2^32', () => {
    const size = 2 ** 40 + 5;
    const nodes: NodeOf = (level, index) => leafHash(Buffer.from(`${level}/${index}`));
    const root = new Frontier(size, nodes).root();
    // The last leaf's path needs no node that another one is made of.
    const path = inclusionPath(size - 1, size, nodes);
    expect(isIncluded(nodes(0, size - 1), size - 1, size, path, root)).toBe(true);
    expect(path).toHaveLength(2);
  });

  it('hashes a leaf where it stands as it does a copy', () => {
    const bytes = Buffer.from('one\ntwo\n');
    expect(leafHashAt(bytes, 4, 7)).toBe(leafHash(Buffer.from('two')));
    expect(leafHashAt(bytes, 0, 3)).toBe(leafHash(Buffer.from('one')));
    expect(bytes.toString()).toBe('one\ntwo\n');
    const large = Buffer.alloc(10_000, 'x');
    expect(leafHash(large)).toBe(rootOf([large]));
    expect(nodeHash(leafHash(large), leafHash(large))).toBe(rootOf([large, large]));
  });

  it('takes a hash in Base64 in its one form only', () => {
    const hash = leafHash(Buffer.from('x'));
    const text = toBase64(hash);
    expect(fromBase64(text)).toBe(hash);
    for (const other of [`${text}\n`, ` ${text}`, text.slice(0, -1), text.replace(/=$/, ''), '']) {
      expect(fromBase64(other)).toBeUndefined();
    }
    // The last digit has two bits that no byte needs.
    expect(fromBase64(text.replace(/.=$/, 'B='))).toBeUndefined();
  });
});
