import fc from 'fast-check';
import type { GoCase, GoEvent } from './go-template.js';

// Templates and events made at random, most of them such that they run.

// Of Unicode 15.1, which Node and fast-check know and Go does not yet: for Go they are not printable.
const TOO_NEW = /[\u{2ffc}-\u{2fff}\u{31ef}\u{2ebf0}-\u{2ee5d}]/u;
const word = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => !TOO_NEW.test(text));
const key = fc.constantFrom('a', 'b', 'c', 'key', 'Z', 'é', '__proto__');

const { json } = fc.letrec<{ json: unknown; map: Record<string, unknown>; list: unknown[] }>(
  (tie) => ({
    json: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      word,
      fc.constantFrom('<&>', '"quoted"', '\\', '\n', '\u2028', '\u0001', '\u007f'),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.constantFrom(0, 1, 1.5, true, false, null),
      tie('map'),
      tie('list'),
    ),
    map: fc.dictionary(key, tie('json'), { maxKeys: 4 }),
    list: fc.array(tie('json'), { maxLength: 4 }),
  }),
);

const event: fc.Arbitrary<GoEvent> = fc.record({
  type: fc.constantFrom('flag', 'segment'),
  action: fc.constantFrom('created', 'deleted'),
  status: fc.constantFrom('success', 'denied'),
  timestamp: fc.constant('2026-01-31T12:00:00.000Z'),
  actor: fc.dictionary(
    fc.constantFrom('ip', 'name', 'email', 'picture'),
    fc.constantFrom('x<y', 'z'),
  ),
  payload: fc
    .oneof(
      { weight: 5, arbitrary: fc.dictionary(key, json, { maxKeys: 6 }) },
      { weight: 1, arbitrary: json },
    )
    .map((payload) => JSON.stringify(payload)),
});

const literal = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(goFloat),
  word.map(goString),
  fc.constantFrom('true', 'false', "'x'", '0x1F', '1e3', '`raw "x"`', '"\\u00e9\\x41\\n"', '""'),
);

function goFloat(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function goString(text: string): string {
  return JSON.stringify(text).replaceAll('\\/', '/');
}

const field = fc.constantFrom(
  ...'.Type .Action .Status .Version .Metadata.Actor.IP .Metadata.Actor.Name $.Type'.split(' '),
  ...'.Payload .Payload.a .Payload.b .Payload.c .Payload.key $.Payload.Z $.Payload.é'.split(' '),
  ...'.Payload.a.b .Payload.none .Payload.none.x $.Payload.__proto__ .Metadata.Actor'.split(' '),
);

const format = fc
  .tuple(
    fc.constantFrom('', '-', '+', '#', '0', ' ', '+0', '-#'),
    fc.constantFrom('', '1', '5', '12'),
    fc.constantFrom('', '.', '.0', '.2', '.7'),
    fc.constantFrom(...'v s q d x X e f g t T c U b o %'.split(' ')),
  )
  .map((parts) => `%${parts.join('')}`);

const { operand, call } = fc.letrec<{ operand: string; call: string }>((tie) => ({
  operand: fc.oneof(
    { depthSize: 'small' },
    { weight: 3, arbitrary: field },
    { weight: 2, arbitrary: literal },
    { weight: 1, arbitrary: fc.constantFrom('nil', '$x') },
    { weight: 2, arbitrary: tie('call').map((text) => `(${text})`) },
  ),
  call: fc.oneof(
    many('print', tie('operand')),
    many('println', tie('operand')),
    many('html', tie('operand')),
    many('js', tie('operand')),
    many('urlquery', tie('operand')),
    tie('operand').map((text) => `toJson ${text}`),
    tie('operand').map((text) => `not ${text}`),
    tie('operand').map((text) => `len ${text}`),
    some('and', tie('operand')),
    some('or', tie('operand')),
    fc
      .tuple(fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge'), tie('operand'), tie('operand'))
      .map((parts) => parts.join(' ')),
    fc
      .tuple(fc.constantFrom('eq .Type', 'lt .Type', 'ne 1', 'ge 1.5'), literal)
      .map((parts) => parts.join(' ')),
    fc
      .tuple(
        fc.array(fc.oneof(format, fc.constantFrom('a', '-')), { maxLength: 3 }),
        fc.array(tie('operand'), { maxLength: 3 }),
      )
      .map(([formats, args]) => ['printf', goString(formats.join('')), ...args].join(' ')),
    fc
      .tuple(
        fc.constantFrom('.Payload', '.Payload.a', '.Payload.key'),
        fc.constantFrom('"a"', '0', '1', '"key"'),
      )
      .map(([item, index]) => `index ${item} ${index}`),
    fc.tuple(fc.nat(4), fc.nat(4)).map(([from, to]) => `slice .Type ${from} ${to}`),
  ),
}));

function many(name: string, operands: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.array(operands, { maxLength: 3 }).map((args) => [name, ...args].join(' '));
}

function some(name: string, operands: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .array(operands, { minLength: 1, maxLength: 3 })
    .map((args) => [name, ...args].join(' '));
}

const pipeline = fc.oneof(
  { weight: 4, arbitrary: operand.filter((text) => text !== 'nil') },
  { weight: 3, arbitrary: call },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        operand.filter((text) => text !== 'nil'),
        fc.constantFrom(
          'print',
          'toJson',
          'html',
          'len',
          'printf "%v|%s" 1',
          'printf "%q"',
          'not',
          'and 1',
        ),
      )
      .map((parts) => parts.join(' | ')),
  },
);

const open = fc.constantFrom('{{', '{{ ', '{{- ');
const close = fc.constantFrom('}}', ' }}', ' -}}');
const action = (content: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(open, content, close).map((parts) => parts.join(''));
const text = fc.constantFrom('', ' ', 'a', ', ', ' } ', 'é🎉', '{{/* c */}}');

const { body } = fc.letrec<{ node: string; body: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    { weight: 3, arbitrary: text },
    { weight: 4, arbitrary: action(pipeline) },
    { weight: 1, arbitrary: action(pipeline.map((value) => `$x = ${value}`)) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          fc.constantFrom(
            'if',
            'with',
            'range',
            'if $y :=',
            'with $y :=',
            'range $y :=',
            'range $i, $y :=',
          ),
          pipeline,
          fc.oneof(field, fc.constantFrom('3', '0', '(len .Type)')), // not a number at random
          fc.constantFrom(
            '',
            '{{.}}',
            '{{.a}}',
            '{{toJson .}}',
            '{{printf "%T %v" . .}}',
            '{{$y}}',
          ),
          tie('body'),
          fc.constantFrom('', '{{else}}none', '{{break}}', '{{continue}}'),
          tie('body'),
        )
        .map(([word, any, ranged, dot, inner, other, rest]) => {
          const value = word.startsWith('range') ? ranged : any;
          const jumps = other.includes('else') || word.startsWith('range') ? other : '';
          // The dot is the event otherwise, which Go prints with an address in it.
          const own = word.startsWith('if') ? '' : dot;
          return `{{${word} ${value}}}${own}${inner}${jumps}${rest}{{end}}`;
        }),
    },
    { weight: 1, arbitrary: pipeline.map((value) => `{{template "t" ${value}}}`) },
  ),
  body: fc.array(tie('node'), { maxLength: 4 }).map((nodes) => nodes.join('')),
}));

/** A template that may be executed, and an event; what it prints is no JSON from the start. */
export const templateWithEvent: fc.Arbitrary<GoCase> = fc.record({
  template: body.map(
    (nodes) => `{{$x := 1}}{{$y := 2}}{{define "t"}}[{{.}}{{/* x */ -}} ]{{end}}~${nodes}`,
  ),
  event,
});
