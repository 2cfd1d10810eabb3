import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeEvent, encodeEvent } from '../../../src/event/attributes.js';
import { type AuditEvent, createEvent } from '../../../src/event/event.js';
import { EventStruct } from '../../../src/sinks/template/event-struct.js';
import { RenderError, TemplateSyntaxError } from '../../../src/sinks/template/fault.js';
import { parseTemplate } from '../../../src/sinks/template/parser.js';
import { Renderer } from '../../../src/sinks/template/renderer.js';
import { type GoEvent, GoTemplate, hasGo } from './go-template.js';
import { templateWithEvent } from './templates.js';

const cases = JSON.parse(readFileSync(join(__dirname, 'go-cases.json'), 'utf8')) as Record<
  string,
  string[]
>;

const event: GoEvent = {
  type: 'flag',
  action: 'created',
  status: 'success',
  timestamp: '2026-01-31T12:00:00.000Z',
  actor: { authentication: 'token', ip: '127.0.0.1', email: 'a<b>@x.y' },
  payload: JSON.stringify({
    key: 'new "x" é日🎉',
    n: 3,
    f: 33.33,
    big: 1_000_000,
    tiny: 1e-7,
    neg: -2.5,
    yes: true,
    no: false,
    nul: null,
    list: [1, 'two', null, [3], { b: 1, a: 'z' }],
    empty: [],
    map: { b: { d: 1 }, a: [1, 2] },
    emap: {},
    ['__proto__']: { x: 1 },
    html: '<a href="x">&\'</a>',
    s: 'abc',
    words: ['a', 'b', 'c'],
  }),
};

const FORMATS = [
  ...'v T t d 5d -5d 05d +d x X #x o O #o b #b c q +q #q U #U e E f F g G s 10s -10s'.split(' '),
  ...'.2s 5.1s 05s % ! z w 5t 6.2v .3g .0f .2f 8.3f -8.2f 08.2f +.1e +v #v +.3v #g #.3g'.split(' '),
  ...'#f #e .10d 10.4d +05d -05d #X 020.5f +020.5f .1q 10q -10q .20f .0e #.0f .3x'.split(' '),
  ' d',
  ' x',
  ' 5d',
  '',
];
const VALUES = [
  ...'1 -5 255 3.14159 -0.5 2.5 1e21 1e-7 123456789.0 true nil 0 0.0 -0.0 1.0 1e6'.split(' '),
  ...'.Payload.list .Payload.map .Payload.n .Payload.nul .Payload.none .Payload.key'.split(' '),
  ...".Payload.words .Metadata.Actor.IP .Metadata.Actor 'x' 9223372036854775807".split(' '),
  '"hi é"',
  '""',
  '(index .Payload.s 0)',
];
const printfCases = FORMATS.flatMap((format) =>
  VALUES.map((value) => `{{ printf ${JSON.stringify(`%${format}`)} ${value} }}`),
);

if (!hasGo && process.env.CI) throw new Error('Go is missing, whose text/template is the measure');
const goIt = hasGo ? it : it.skip;

describe("a template's output", () => {
  let go: GoTemplate | undefined;
  beforeAll(() => {
    if (hasGo) go = new GoTemplate();
  }, 120_000);
  afterAll(() => go?.remove());

  for (const [group, templates] of Object.entries({ ...cases, 'printf verbs': printfCases })) {
    goIt(`is Go's, character for character: ${group} (needs Go)`, () => {
      const theirs = go!.run(templates.map((template) => ({ template, event })));
      const differences = templates.flatMap((template, index) => {
        const [our, their] = [ours(template, event), outcome(theirs[index]!)];
        return our === their ? [] : [{ template, our, their }];
      });
      expect(differences).toEqual([]);
      expect(theirs.filter(({ runs }) => runs).length).toBeGreaterThan(templates.length / 3);
    });
  }

  goIt("is Go's for templates and events made at random (needs Go)", () => {
    const seed = Date.now();
    const samples = fc.sample(templateWithEvent, { numRuns: 3000, seed });
    const theirs = go!.run(samples);
    const differences = samples.flatMap((sample, index) => {
      const [our, their] = [ours(sample.template, sample.event), outcome(theirs[index]!)];
      return our === their ? [] : [{ seed, ...sample, our, their, error: theirs[index]!.error }];
    });
    expect(differences.slice(0, 3)).toEqual([]);
    expect(theirs.filter(({ runs }) => runs).length).toBeGreaterThan(samples.length / 2);
  });

  goIt("says what Go's says where it is inside a JSON string (needs Go)", () => {
    const seed = Date.now();
    const samples = fc.sample(templateWithEvent, { numRuns: 3000, seed });
    const theirs = go!.run(samples);
    const differences = samples.flatMap((sample, index) => {
      const quoted = ours(`{"said":"${sample.template}"}`, sample.event);
      const our = quoted.startsWith('text: ') ? `text: ${saidIn(quoted.slice(6))}` : quoted;
      const their = outcome(theirs[index]!);
      return our === their ? [] : [{ seed, ...sample, our, their }];
    });
    expect(differences.slice(0, 3)).toEqual([]);
  });
});

function saidIn(json: string): unknown {
  try {
    return (JSON.parse(json) as { said: unknown }).said;
  } catch {
    return `no JSON: ${json}`;
  }
}

/** The text, or that there is none: what is wrong may be noticed at another time. */
function outcome({ runs, text }: { readonly runs: boolean; readonly text: string }): string {
  return runs ? `text: ${text}` : 'an error';
}

function ours(template: string, given: GoEvent): string {
  try {
    const limits = { maxLength: 2 ** 24, maxSteps: 1_000_000, maxDepth: 200 };
    const renderer = new Renderer(parseTemplate(template), limits);
    return `text: ${renderer.render(new EventStruct(eventOf(given))).text}`;
  } catch (error) {
    if (error instanceof RenderError || error instanceof TemplateSyntaxError) return 'an error';
    throw error;
  }
}

function eventOf({ payload, ...rest }: GoEvent): AuditEvent {
  const attributes = encodeEvent(createEvent(rest));
  const decoded = decodeEvent({ ...attributes, 'flipt.event.payload': payload });
  if (decoded.kind !== 'event') throw new Error(`no event: ${decoded.kind}`);
  return decoded.event;
}
