import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeEvent, encodeEvent } from '../../../src/event/attributes.js';
import { type AuditEvent, createEvent } from '../../../src/event/event.js';
import { parseBody } from '../../../src/sinks/template/body.js';
import { RenderError, TemplateSyntaxError } from '../../../src/sinks/template/fault.js';
import { canonicalJson } from './canonical-json.js';

const event = (payload?: unknown): AuditEvent =>
  createEvent({
    type: 'flag',
    action: 'created',
    actor: { authentication: 'token', ip: '127.0.0.1' },
    payload,
    timestamp: '2026-01-31T12:00:00Z',
  });

/** An event whose payload is known by its text alone, as from a ledger. */
function recorded(payload: string): AuditEvent {
  const decoded = decodeEvent({ ...encodeEvent(event()), 'flipt.event.payload': payload });
  if (decoded.kind !== 'event') throw new Error('no event');
  return decoded.event;
}

const render = (template: string, given: AuditEvent = event()) => parseBody(template).render(given);

function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('a template', () => {
  it("makes the body of Flipt's example", () => {
    const template = '{"event": "{{ .Type }} {{ .Action }}", "timestamp": "{{ .Timestamp }}"}';
    expect(render(template)).toBe(
      '{"event": "flag created", "timestamp": "2026-01-31T12:00:00.000Z"}',
    );
  });

  it('sees an empty actor where there is none, and an empty status', () => {
    const { metadata: _, status: __, ...rest } = event();
    const bare = { ...rest, metadata: {} };
    const template =
      '["{{ .Metadata.Actor.Email }}", {{ toJson .Metadata }}, "{{ .Status }}", {{ toJson .Payload }}]';
    expect(render(template, bare)).toBe('["", {"actor":{}}, "", null]');
  });

  it('prints the payload that was recorded, whatever became of the object', () => {
    const payload = { key: 'a' };
    const made = event(payload);
    payload.key = 'b';
    expect(render('{"k": "{{ .Payload.key }}", "p": {{ toJson .Payload }}}', made)).toBe(
      '{"k": "a", "p": {"key":"a"}}',
    );
  });

  it('keeps numbers that float64 would alter, and prints others as Go does', () => {
    const text =
      '{"a":9007199254740993,"b":12345678901234567890.10,"c":1e400,"d":0.1,"e":1000000,"f":1.50}';
    const given = recorded(text);
    expect(render('{{ toJson .Payload }}', given)).toBe(
      '{"a":9007199254740993,"b":12345678901234567890.10,"c":1e400,"d":0.1,"e":1000000,"f":1.5}',
    );
    expect(render('[{{ .Payload.a }}, {{ .Payload.b }}, {{ .Payload.c }}]', given)).toBe(
      '[9007199254740993, 12345678901234567890.10, 1e400]',
    );
    expect(render('[{{ .Payload.d }}, {{ .Payload.e }}, {{ .Payload.f }}]', given)).toBe(
      '[0.1, 1e+06, 1.5]',
    );
  });

  it('tells numbers apart that float64 cannot', () => {
    const given = recorded('[9007199254740992,9007199254740993,9007199254740993.0]');
    const eq = (a: number, b: number) => `{{ eq (index .Payload ${a}) (index .Payload ${b}) }}`;
    expect(render(`[${eq(0, 1)}, ${eq(1, 2)}, ${eq(1, 1)}]`, given)).toBe('[false, true, true]');
  });

  it('prints as JSON what it was given as JSON, whatever it looks like', () => {
    const spaced = fc
      .json({ maxDepth: 4 })
      .map((text) => JSON.stringify(JSON.parse(text), null, fc.sample(fc.nat(2), 1)[0]));
    fc.assert(
      fc.property(fc.oneof(fc.json(), spaced), (text) => {
        const wellFormed = text.toWellFormed().replace(/\\u[dD][89a-fA-F]../g, 'x');
        const printed = render('{{ toJson .Payload }}', recorded(wellFormed));
        expect(canonicalJson(printed)).toBe(canonicalJson(wellFormed));
      }),
    );
  });

  it('sorts keys of objects alike and unlike, and takes the last of two that are the same', () => {
    for (const [text, printed] of [
      ['{"b":1,"a":2}', '{"a":2,"b":1}'],
      [
        '{"b":{"d":1,"c":2},"a":[{"y":1,"x":2},{"y":3,"x":4}]}',
        '{"a":[{"x":2,"y":1},{"x":4,"y":3}],"b":{"c":2,"d":1}}',
      ],
      ['{"a":1,"b":2,"a":3}', '{"a":3,"b":2}'],
      ['{"b":1,"a":2,"b":3}', '{"a":2,"b":3}'],
      ['{ "b" : 1 , "a" : [ 1 , 2 ] }', '{"a":[1,2],"b":1}'],
      [
        '{"a":1.0,"b":-0.0,"c":1E2,"d":true,"e":false}',
        '{"a":1,"b":-0,"c":100,"d":true,"e":false}',
      ],
      ['{"":{},"a b":[],"a":""}', '{"":{},"a":"","a b":[]}'],
      ['{"\ue000":1,"😀":2}', '{"\ue000":1,"😀":2}'],
      ['"<&>\u2028"', '"\\u003c\\u0026\\u003e\\u2028"'],
      ['"\\ud800"', '"\ufffd"'],
      [' 7 ', '7'],
    ] as const) {
      expect(render('{{ toJson .Payload }}', recorded(text))).toBe(printed);
    }
  });
});

describe('an event cannot break or forge a body', () => {
  const text = fc.string({ unit: 'binary' }).map((one) => one.toWellFormed());
  const hostile = fc.oneof(
    text,
    fc.constantFrom(
      '"',
      '\\',
      '\\"',
      '", "admin": "true',
      '\n',
      '\u0000',
      '\\u0022',
      '}',
      '{"a":1}',
    ),
  );

  it('from inside a string, in which it is escaped', () => {
    const body = parseBody('{"key": "{{ .Payload.a }}-{{ .Payload.b }}", "{{ .Payload.a }}": 1}');
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        fc.pre(a !== 'key');
        const made = JSON.parse(body.render(event({ a, b })));
        expect(Object.keys(made).length).toBe(2);
        expect(made).toEqual({ key: `${a}-${b}`, [a]: 1 });
      }),
    );
  });

  it('from a string that the template composes', () => {
    const body = parseBody(
      String.raw`{"key": {{ printf "\"%s\"" .Payload.a }}, "b": {{ print "\"" .Payload.a "\"" }}}`,
    );
    fc.assert(
      fc.property(hostile, (a) => {
        expect(JSON.parse(body.render(event({ a })))).toEqual({ key: a, b: a });
      }),
    );
  });

  it('from outside of a string, where it is one value or none', () => {
    const body = parseBody('{"rank": {{ .Payload.a }}, "role": "user"}');
    fc.assert(
      fc.property(hostile, (a) => {
        try {
          const made = JSON.parse(body.render(event({ a })));
          expect(made).toEqual({ rank: JSON.parse(a), role: 'user' });
        } catch (error) {
          expect(error).toBeInstanceOf(RenderError);
        }
      }),
    );
    for (const a of ['1, "admin": true', '1}', '[1], "admin": [2]', '1, "role": "admin", "x": 2']) {
      expect(thrownBy(() => body.render(event({ a }))).message).toBe(
        'a value outside of quotes would change what the body says, use toJson: {"rank": …, "role": "user"}',
      );
    }
    expect(JSON.parse(body.render(event({ a: '{"deep":[1,2]}' })))).toEqual({
      rank: { deep: [1, 2] },
      role: 'user',
    });
  });

  it('and what the template itself prints may separate and close', () => {
    const template =
      '[{{ $sep := "" }}{{ range .Payload }}{{ $sep }}{{ toJson . }}{{ $sep = "," }}{{ end }}{{ "]" }}';
    expect(render(template, event(['a', 'b"', 3]))).toBe('["a","b\\"",3]');
  });

  it('from behind a backslash of the template', () => {
    expect(render(String.raw`{"a": "\{{ "n" }}"}`)).toBe(String.raw`{"a": "\n"}`);
    expect(render(String.raw`{"a": "\{{ .Payload }}"}`, event('"x"'))).toBe(
      String.raw`{"a": "\"x\""}`,
    );
    expect(
      thrownBy(() => render(String.raw`{"a": "\{{ .Payload }}"}`, event('q'))).message,
    ).toMatch(/^invalid JSON: /);
  });

  it("with a prototype's name", () => {
    const given = recorded('{"__proto__":{"polluted":true},"a":1}');
    expect(render('["{{ .Payload.__proto__.polluted }}", "{{ .Payload.polluted }}"]', given)).toBe(
      '["true", "<no value>"]',
    );
    expect(render('["{{ .Payload.constructor }}", "{{ .Payload.toString }}"]', given)).toBe(
      '["<no value>", "<no value>"]',
    );
  });
});

describe('a body that is no JSON', () => {
  it("is refused in Flipt's words, its words shown and its values not", () => {
    const secret = event({ a: 'secret', b: ['secret'] });
    for (const [template, message] of [
      ['no JSON', 'invalid JSON: no JSON'],
      ['', 'invalid JSON: '],
      ['{{ .Type }} {{ .Action }}', 'invalid JSON: flag created'],
      ['{"a": {{ .Payload.a }}}', 'invalid JSON: {"a": …}'],
      ['{"a": "{{ .Payload.a }}", {{ .Payload.b }}', 'invalid JSON: {"a": "…", …'],
      ['{{ with .Payload }}{{ .a }}{{ end }}x', 'invalid JSON: …x'],
      ['{"a": 01}', 'invalid JSON: {"a": 01}'],
      ['{"a": 1,}', 'invalid JSON: {"a": 1,}'],
      ['1 2', 'invalid JSON: 1 2'],
      ['"a\nb"', 'invalid JSON: "a\nb"'],
      [`"${'x'.repeat(500)}`, `invalid JSON: "${'x'.repeat(199)}…`],
    ] as const) {
      expect(thrownBy(() => render(template, secret)).message).toBe(message);
    }
  });

  it('is told from JSON as JSON.parse tells them apart', () => {
    const piece = fc.constantFrom(
      ...'{}[],:"\\ 0123456789.-+eEtrufalsn'.split(''),
      '"a"',
      'true',
      '1.5',
      '\n',
    );
    const soup = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(soup, fc.json()), (text) => {
        fc.pre(!text.includes('{{'));
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        const body = parseBody(text);
        if (isJson) expect(body.render(event())).toBe(text);
        else expect(() => body.render(event())).toThrow(RenderError);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('what is wrong with a template', () => {
  it.each([
    ['{{ foo }}', 1, 4, 'function "foo" not defined'],
    ['{\n  "a": {{ .Type | nope }}\n}', 2, 19, 'function "nope" not defined'],
    ['{{ .Typo }}', 1, 4, "can't evaluate field Typo in type audit.Event"],
    ['{{ .Type.Name }}', 1, 4, "can't evaluate field Name in type string"],
    [
      '{{ range .Payload }}{{ $.Metadata.Email }}{{ end }}',
      1,
      24,
      "can't evaluate field Email in type audit.Metadata",
    ],
    [
      '{{ with .Metadata }}{{ .Actor.Nick }}{{ end }}',
      1,
      24,
      "can't evaluate field Nick in type audit.Actor",
    ],
    ['{{ if .Type }}', 1, 15, 'unexpected EOF'],
    ['{{ 1i }}', 1, 4, 'complex numbers are not supported'],
    ['{{ $x }}', 1, 4, 'undefined variable "$x"'],
    ['{{ template "x" }}', 1, 4, 'template "x" not defined'],
    ['a {{ break }}', 1, 6, '{{break}} outside {{range}}'],
    ['{{ "a }}', 1, 4, 'unterminated quoted string'],
    ['{{ len }}', 1, 4, 'wrong number of args for len: want 1 got 0'],
    ['{{ .Type "x" }}', 1, 4, "can't give argument to non-function"],
    ['{{/* x }}', 1, 3, 'unclosed comment'],
    ['é\n\n{{ 99999999999999999999 }}', 3, 4, 'integer overflow: 99999999999999999999'],
  ])('is told at once, with its place: %j', (template, line, column, fault) => {
    const error = thrownBy(() => parseBody(template));
    expect(error).toBeInstanceOf(TemplateSyntaxError);
    expect(error).toMatchObject({ place: { line, column } });
    expect(error.message).toBe(`line ${line}, column ${column}: ${fault}`);
  });

  it('is never anything else, whatever the text', () => {
    const piece = fc.constantFrom(
      ...'{{ }} {{- -}} ( ) | . $ $x := = , "a" `b` 1 0x .Type .Payload if else end range with'.split(
        ' ',
      ),
      ...'define template block break continue nil true len print printf toJson eq and or'.split(
        ' ',
      ),
      ...[
        "'c'",
        '"',
        '`',
        "'",
        '/*',
        '*/',
        ' ',
        '\n',
        '-',
        'é',
        '🎉',
        '\u0000',
        '{{end}}',
        '{{if .Type}}',
      ],
    );
    const soup = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(' '));
    const bytes = fc.string({ unit: 'binary', maxLength: 60 });
    const inside = fc.oneof(soup, bytes).map((text) => `{{ ${text} }}`);
    fc.assert(
      fc.property(fc.oneof(soup, bytes, inside), (template) => {
        try {
          parseBody(template).render(event({ a: [1, { b: null }] }));
        } catch (error) {
          const isKnown = error instanceof TemplateSyntaxError || error instanceof RenderError;
          if (!isKnown) throw error;
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('that it is nested beyond reason', () => {
    const deep = [
      `{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`,
      '{{ if 1 }}'.repeat(100_000),
      `{{ if 1 }}${'{{ else if 1 }}'.repeat(100_000)}{{ end }}`,
    ];
    for (const template of deep) {
      expect(thrownBy(() => parseBody(template)).message).toMatch(/nested too deeply$/);
    }
  });
});

describe('what goes wrong with an event', () => {
  it.each([
    ['{{ .Payload.none.x.y }}', '<no value>'],
    ['{{ .Payload.nul.x }}', 'line 1, column 4: nil pointer evaluating interface {}.x'],
    ['{{ .Payload.a.x }}', "line 1, column 4: can't evaluate field x in type string"],
    [
      '{{ lt .Payload.a 1 }}',
      'line 1, column 4: error calling lt: incompatible types for comparison: string and int',
    ],
    ['{{ index .Payload.list 9 }}', 'line 1, column 4: error calling index: index out of range: 9'],
    ['{{ len 1 }}', 'line 1, column 4: error calling len: len of type int'],
    [
      '{{ printf "%p" .Payload }}',
      'line 1, column 4: error calling printf: there are no addresses to print',
    ],
  ])('is told with its place and without its values: %s', (template, told) => {
    const given = event({ a: 'secret', nul: null, list: [1] });
    const outcome = thrownBy(() => render(`${template}~`, given)).message;
    expect(outcome).toContain(told === '<no value>' ? 'invalid JSON: ' : told);
    expect(outcome).not.toContain('secret');
  });
});

describe('the bounds of a template', () => {
  it.each([
    ['a loop', '{{ range 1000000000 }}{{ end }}', 'it takes too many steps'],
    [
      'loops in loops',
      '{{ range 10000 }}{{ range 10000 }}x{{ end }}{{ end }}',
      'it takes too many steps',
    ],
    [
      'recursion',
      '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
      'call one another too deeply',
    ],
    [
      'branching recursion',
      '{{ define "a" }}{{ template "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
      'too deeply',
    ],
    ['a large body', '{{ range 100 }}{{ printf "%1000000d" 1 }}{{ end }}', 'the body is too large'],
    [
      'a wide value',
      `{{ len (printf "${'%1000000[1]d'.repeat(17)}" 1) }}`,
      'it prints more than is allowed',
    ],
    [
      'much made for nothing',
      '{{ range 1000000 }}{{ $x := printf "%1000000d" 1 }}{{ end }}',
      'it takes too many steps',
    ],
  ])('stop %s', (_, template, message) => {
    expect(thrownBy(() => render(template)).message).toContain(message);
  });

  it('allow a payload of any size that is accepted', () => {
    const long = 'é"\\'.repeat(500_000);
    const template = '{"a": {{ toJson .Payload.a }}, "b": "{{ .Payload.a }}"}';
    expect(JSON.parse(render(template, event({ a: long })))).toEqual({ a: long, b: long });
    const exact = recorded(`{"n":9007199254740993,"a":${JSON.stringify(long)}}`);
    expect(render('{"n": {{ .Payload.n }}}', exact)).toBe('{"n": 9007199254740993}');
  });

  it('refuse a payload nested a hundred thousand deep, and nothing else happens', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    for (const template of ['{{ toJson .Payload }}', '{{ .Payload }}', '{{ toJson .Payload.a }}']) {
      for (const text of [deep, `[1e400,${deep}]`, `["\\n",${deep}]`]) {
        expect(() => render(template, recorded(text))).toThrow(RenderError);
      }
    }
  });
});
