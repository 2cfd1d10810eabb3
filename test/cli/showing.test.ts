import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { changesOf } from '../../src/cli/changes.js';
import { indentJson } from '../../src/cli/json-text.js';
import { momentOf } from '../../src/cli/options.js';
import { printable } from '../../src/cli/printable.js';
import { Progress } from '../../src/cli/progress.js';
import { Tally } from '../../src/cli/tally.js';
import { openTerminal } from '../../src/cli/terminal.js';
import { sparkline, Timeline } from '../../src/cli/timeline.js';
import { fold, padTo, shorten, widthOf } from '../../src/cli/width.js';

const unicode = fc.string({ unit: 'binary', maxLength: 40 });

describe('a value that is shown', () => {
  it('holds nothing that drives a terminal, ends a line, turns or hides a text', () => {
    fc.assert(
      fc.property(unicode, (text) => {
        expect(printable(text)).not.toMatch(/(?!\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['a\nb', 'a\\u000ab'],
    ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
    ['\u009b31m', '\\u009b31m'],
    ['user\u202egpj.exe', 'user\\u202egpj.exe'],
    ['\ud800', '\\ud800'],
    ['\u{e0041}', '\\udb40\\udc41'],
    ['Zoë 寬 👩 "q" \\', 'Zoë 寬 👩 "q" \\'],
  ])('%j reads %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('takes its columns, and is cut to so many', () => {
    expect(['abc', '寬寬', '👩', 'e\u0301', 'ｱ'].map(widthOf)).toEqual([3, 4, 2, 1, 1]);
    expect(padTo('寬寬寬', 5)).toBe('寬寬…');
    expect(padTo('ab', 4)).toBe('ab  ');
    fc.assert(
      fc.property(unicode.map(printable), fc.integer({ min: 2, max: 20 }), (text, columns) => {
        expect(widthOf(padTo(text, columns))).toBe(columns);
        expect(shorten(text, columns) === text).toBe(widthOf(text) <= columns);
        const parts = fold(text, columns);
        expect(parts.join('')).toBe(text);
        for (const part of parts) expect(widthOf(part)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('JSON that is set in', () => {
  it('is the same JSON, each value spelt as before', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.parse(indentJson(text).join('\n'))).toEqual(JSON.parse(text));
      }),
    );
    const value = { a: [1, { b: 'x:{",' }], c: {}, d: [], e: null };
    expect(indentJson(JSON.stringify(value)).join('\n')).toBe(JSON.stringify(value, null, 2));
    expect(indentJson('{"n":12345678901234567890,"m":1.0e5}')).toEqual([
      '{',
      '  "n": 12345678901234567890,',
      '  "m": 1.0e5',
      '}',
    ]);
  });

  it('stays on one line where it is nested more deeply than anybody reads', () => {
    const text = `[${'{"a":['.repeat(100_000)}1,2${']}'.repeat(100_000)},3]`;
    const lines = indentJson(text);
    expect(lines).toHaveLength(66); // down, up, and the 3
    expect(
      lines
        .map((line) => line.trim())
        .join('')
        .replaceAll(' ', ''),
    ).toBe(text);
  });
});

describe('what changed', () => {
  it('is read from before and after, and from a patch', () => {
    expect(
      changesOf({ before: { a: 1, b: { c: 1 }, 'x/y': 1 }, after: { b: { c: 2 }, d: [1] } }),
    ).toEqual([
      { sign: '-', text: '/a: 1' },
      { sign: '~', text: '/b/c: 1 → 2' },
      { sign: '-', text: '/x~1y: 1' },
      { sign: '+', text: '/d: [1]' },
    ]);
    const patch = [
      { op: 'add', path: '/a', value: 1 },
      { op: 'remove', path: '/b' },
      { op: 'replace', path: '/c', value: 'x' },
      { op: 'move', path: '/d', from: '/e' },
      { op: 'test', path: '/f', value: 1 },
    ];
    expect(changesOf({ diff: patch })?.map(({ sign, text }) => `${sign} ${text}`)).toEqual([
      '+ /a: 1',
      '- /b',
      '~ /c: "x"',
      '~ /d: move from /e',
    ]);
    expect(changesOf({ diff: [{ op: 'move', path: '/a', from: { toString: 1 } }] })).toEqual([
      { sign: '~', text: '/a: move from ?' },
    ]);
    expect(changesOf({ key: 1 })).toBeUndefined();
    expect(changesOf('before')).toBeUndefined();
  });

  it('takes __proto__ for data', () => {
    const after = JSON.parse('{"__proto__":{"a":1}}') as object;
    expect(changesOf({ before: {}, after })).toEqual([{ sign: '+', text: '/__proto__: {"a":1}' }]);
  });
});

describe('time', () => {
  const now = Date.UTC(2026, 10, 24, 12);
  it.each([
    ['24h', now - 86_400_000],
    ['90m', now - 5_400_000],
    ['2w', now - 14 * 86_400_000],
    ['2026-11-24', Date.UTC(2026, 10, 24)],
    ['2026-11-24T10:00:00+02:00', Date.UTC(2026, 10, 24, 8)],
  ])('%s is a moment', (text, time) => {
    expect(momentOf({ since: text }, 'since', now)).toBe(time);
  });

  it.each(['yesterday', '24', '1y', '2026', '24.11.2026', '2026-13-01', ''])(
    '%j is none',
    (text) => {
      expect(() => momentOf({ since: text }, 'since', now)).toThrow('--since must be a time');
    },
  );

  it('is cut into at most two dozen steps that people count in', () => {
    fc.assert(
      fc.property(
        fc.nat(4e12),
        fc.nat(9e10),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (first, span, share) => {
          const timeline = new Timeline(first, first + span);
          expect(timeline.steps).toBeLessThanOrEqual(24);
          expect(timeline.stepOf(first)).toBe(0);
          expect(timeline.stepOf(first + span)).toBe(timeline.steps - 1);
          const time = first + span * share;
          const begin = timeline.from + timeline.stepOf(time) * timeline.stepMs;
          expect(begin).toBeLessThanOrEqual(time);
          expect(begin + timeline.stepMs).toBeGreaterThan(time);
        },
      ),
    );
    const day = new Timeline(now, now + 86_400_000);
    expect([day.stepName, day.nameOf(1)]).toEqual(['6 hours', '2026-11-24 18:00']);
    expect([0, Number.NaN, 9e15].map((time) => day.stepOf(time))).toEqual([0, 0, day.steps - 1]);
  });

  it('is drawn as bars, with nothing where there was nothing', () => {
    expect(sparkline([0, 1, 4, 8])).toBe(' ▁▄█');
  });
});

describe('counting', () => {
  it('names the most frequent first, takes __proto__ for a key, and is bounded', () => {
    const tally = new Tally(2);
    for (const key of ['a', '__proto__', '__proto__', 'b']) tally.add(key, key === 'b' ? 1 : 0);
    expect(tally.top(2)).toEqual([
      { key: '__proto__', count: 2, over: [2, 0] },
      { key: 'a', count: 1, over: [1, 0] },
    ]);
    for (let n = 0; n < 100_010; n += 1) tally.add(`key-${n}`);
    expect(tally.size).toBe(100_001);
    expect(tally.top(1)).toMatchObject([{ key: '(others)', count: 13 }]);
  });
});

describe('the progress of work', () => {
  function progress(isTTY: boolean) {
    const stdout = new PassThrough();
    const stderr = Object.assign(new PassThrough(), { isTTY });
    let time = 0;
    const terminal = openTerminal({ stdout, stderr, env: {} });
    const bar = new Progress(terminal, 'verifying', () => time);
    return {
      bar,
      terminal,
      at(ms: number, share: number): string {
        time = ms;
        bar.at(share * 1000, 1000);
        return String(stderr.read() ?? '');
      },
      rest: () => String(stderr.read() ?? ''),
    };
  }

  it('is shown once work takes over a second, ten times a second, and leaves nothing', () => {
    const { at, bar, terminal, rest } = progress(true);
    expect(at(500, 0.2)).toBe('');
    expect(at(999, 0.3)).toBe('');
    expect(at(1000, 0.5)).toBe(`\r\u001b[2Kverifying ${'█'.repeat(12)}${'░'.repeat(12)}  50 %`);
    expect(at(1050, 0.6)).toBe('');
    terminal.out('a result in between');
    expect(rest()).toBe('\r\u001b[2K');
    expect(at(1100, 1)).toContain('100 %');
    bar.end();
    expect(rest()).toBe('\r\u001b[2K');
  });

  it('is not shown where nobody looks on', () => {
    const { at, bar, rest } = progress(false);
    expect(at(5000, 0.5)).toBe('');
    bar.end();
    expect(rest()).toBe('');
  });
});
