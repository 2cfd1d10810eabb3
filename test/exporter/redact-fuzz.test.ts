import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createEvent } from '../../src/event/event.js';
import { SinkError } from '../../src/sink.js';
import { logSink } from '../../src/sinks/log.js';
import { diagLog } from '../support/diag-log.js';
import { diskFaults } from '../support/disk-faults.js';
import { exported, exporterRig, shutDown, spanOf, spanWith } from '../support/exporter-rig.js';

diagLog();
diskFaults();
const rig = exporterRig();

// Few names, so that paths meet members; some of them are dangerous.
const NAMES = [
  'a',
  'b',
  'x-y',
  '0',
  '1',
  '__proto__',
  'constructor',
  'toString',
  'é"q',
  'B',
  'restore',
];
const CREDENTIALS = ['password', 'apiKey', 'Set-Cookie'];

type Tree = { leaf: number } | { list: Tree[] } | { members: [string, Tree][] };

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.record({ leaf: fc.constant(0) }),
    fc.record({ list: fc.array(tie('tree'), { maxLength: 4 }) }),
    fc.record({
      members: fc.array(fc.tuple(fc.constantFrom(...NAMES, ...CREDENTIALS), tie('tree')), {
        maxLength: 5,
      }),
    }),
  ),
}));

const segment = fc.constantFrom(...NAMES.filter((name) => name !== '__proto__'), '*', '*');
const path = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(segment, { minLength: 1, maxLength: 4 })
      .map((rest) => ['payload', ...rest]),
  },
  { weight: 1, arbitrary: fc.constantFrom(...NAMES).map((name) => ['**', name]) },
  { weight: 1, arbitrary: fc.constant(['credentials']) },
);

/** A leaf's text in the file, and whether it is to be hidden. */
interface Leaf {
  readonly text: string;
  readonly hidden: boolean;
  /** Another member of the same name comes after it, and a parser takes that one. */
  readonly dropped: boolean;
}

let leaves = 0;

/** Prints a tree in one of the many ways in which JSON can be written, and notes its leaves. */
function print(
  root: Tree,
  paths: readonly (readonly string[])[],
  wild: boolean,
  noted: Leaf[],
): string {
  const space = wild ? ' ' : '';
  const visit = (
    node: Tree,
    place: readonly string[],
    named: boolean,
    dropped: boolean,
  ): string => {
    const hidden = named || paths.some((each) => leadsTo(each, place));
    if ('leaf' in node) {
      leaves += 1;
      const text = `7${String(leaves).padStart(9, '0')}7`;
      noted.push({ text, hidden, dropped });
      return leaves % 2 === 0 ? text : `"${text}"`;
    }
    if ('list' in node) {
      const printed = node.list.map((each, n) =>
        visit(each, [...place, String(n)], hidden, dropped),
      );
      return `[${space}${printed.join(`,${space}`)}]`;
    }
    const printed = node.members.map(([name, member], index) => {
      const again = node.members.slice(index + 1).some(([other]) => other === name);
      if (again && !wild) return undefined; // no object has one name twice
      const isNamed = hidden || paths.some((each) => names(each, name));
      const value = visit(member, [...place, name], isNamed, dropped || again);
      return `${wild && index % 2 === 0 ? escaped(name) : JSON.stringify(name)}${space}:${value}`;
    });
    return `{${printed.filter((each) => each !== undefined).join()}${space}}`;
  };
  return visit(root, ['payload'], false, false);
}

const escaped = (text: string) =>
  `"${[...text].map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;

const leadsTo = (path: readonly string[], place: readonly string[]) =>
  path.length === place.length && path.every((each, n) => each === '*' || each === place[n]);

function names(path: readonly string[], name: string): boolean {
  if (path[0] === 'credentials') return CREDENTIALS.includes(name);
  return (
    path[0] === '**' &&
    path[1]!.toLowerCase().replace('-', '') === name.toLowerCase().replace('-', '')
  );
}

const written = (path: readonly string[]): string =>
  path[0] !== 'payload'
    ? path.join('.')
    : `payload${path
        .slice(1)
        .map((each) => (each === '*' ? '[*]' : each.includes('"') ? `['${each}']` : `["${each}"]`))
        .join('')}`;

const everythingUnder = (folder: string): string =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => fs.readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');

describe('whatever the paths and payloads', () => {
  it('no hidden value is anywhere on the disk, and every other one is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(path, { minLength: 1, maxLength: 6 }),
        fc.array(fc.tuple(tree, fc.boolean()), { minLength: 1, maxLength: 12 }),
        fc.constantFrom('remove', 'mask', 'hmac'),
        async (paths, trees, mode) => {
          const folder = join(rig.path, '..');
          const refusing = {
            sendAudits: () => Promise.reject(new SinkError('event', 'no', { failed: [0] })),
          };
          const { exporter, clock } = rig.open({
            sinks: { file: logSink({ file: `${rig.path}.log` }), refusing },
            redact: { paths: paths.map(written), mode, ...(mode === 'hmac' && { key: 'a key' }) },
          });
          const noted: Leaf[] = [];
          const spans = trees.map(([root, wild]) => {
            const payload = print(root, paths, wild, noted);
            if (!wild) {
              return spanWith(
                createEvent({ type: 'user', action: 'created', payload: JSON.parse(payload) }),
              );
            }
            return spanOf([
              {
                'flipt.event.version': '0.2',
                'flipt.event.action': 'created',
                'flipt.event.type': 'user',
                'flipt.event.timestamp': '2026-01-31T12:00:00Z',
                'flipt.event.id': `wild-${leaves}-${noted.length}`,
                'flipt.event.payload': payload,
              },
            ]);
          });
          expect(await exported(exporter, ...spans)).toEqual({ code: 0 });
          await shutDown(exporter, clock);
          const found = everythingUnder(folder);
          for (const name of fs.readdirSync(folder))
            fs.rmSync(join(folder, name), { recursive: true });
          expect(found).not.toContain('malformed');
          for (const { text, hidden, dropped } of noted) {
            if (hidden) expect(found).not.toContain(text);
            else if (!dropped) expect(found).toContain(text);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
