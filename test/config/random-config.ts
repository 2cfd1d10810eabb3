import * as fc from 'fast-check';
import { type Outline, outline, sectionOf } from '../../src/config/outline.js';

/** JSON with whole characters, for a file cannot hold half of one. */
const json = fc.jsonValue({ noUnicodeString: false, stringUnit: 'grapheme' });
const text = fc.string({ unit: 'grapheme', maxLength: 12 });

/** Configurations that are mostly right; `junk` is how often of a thousand something else stands there. */
export function randomConfig(junk: number): fc.Arbitrary<unknown> {
  const mixed = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    junk === 0
      ? right
      : fc.oneof(
          { weight: 1000 - junk, arbitrary: right },
          { weight: junk, arbitrary: fc.anything({ withNullPrototype: true, withBigInt: true }) },
        );
  const of = (place: Outline): fc.Arbitrary<unknown> => {
    const { properties, required = [] } = sectionOf(place);
    if (Object.keys(properties).length > 0 && place.notes === undefined) {
      const members = Object.entries(properties).map(([key, member]) => [key, of(member)] as const);
      const section = fc.record(Object.fromEntries(members), { requiredKeys: [...required] });
      const choice =
        place.anyOf === undefined ? section : fc.oneof(section, text, fc.constant(false));
      if (junk === 0) return choice;
      return mixed(fc.tuple(choice, fc.dictionary(text, json, { maxKeys: 1 })).map(spread));
    }
    const { items } = place;
    if (items !== undefined && place.notes === undefined) {
      const one = Object.keys(sectionOf(items).properties).length > 0 ? of(items) : anyObject;
      return mixed(fc.array(one, { maxLength: 3 }));
    }
    return mixed(leaf(place));
  };
  return of(outline());
}

const anyObject = fc.dictionary(text, json, { maxKeys: 3 });

function spread([section, others]: [unknown, object]): unknown {
  // Seldom, so that most trees have only known keys.
  if (typeof section !== 'object' || Object.keys(others).length === 0) return section;
  return JSON.stringify(others).length % 7 === 0 ? { ...section, ...others } : section;
}

function leaf({ notes }: Outline): fc.Arbitrary<unknown> {
  switch (notes?.kind) {
    case 'true or false':
      return fc.constantFrom(true, false, 'true', 'F', 1);
    case 'text':
    case 'secret':
    case 'template':
      return fc.oneof(text, fc.integer());
    case 'duration':
      return fc.constantFrom('2m', '1h30m', '1500ms');
    case 'size':
      return fc.oneof(
        fc.constantFrom('64KiB', '1.5 MiB', '4096'),
        fc.integer({ min: 1024, max: 2 ** 25 }),
      );
    case 'whole number':
      return fc.oneof(fc.integer({ min: 1, max: 256 }), fc.constant('7'));
    case 'number':
      return fc.double({ min: 1, max: 1000, noNaN: true });
    case 'list of texts':
      return fc.oneof(fc.array(text, { maxLength: 3 }), fc.constant('a:b c:d'));
    case 'texts by name':
      return fc.dictionary(fc.oneof(text, fc.constant('__proto__')), text, { maxKeys: 3 });
    default:
      return fc.constantFrom(...(notes?.kind ?? '').split(' or '));
  }
}
