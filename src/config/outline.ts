import { z } from 'zod';
import { type FieldNotes, fieldNotes } from './fields.js';
import { configSchema } from './schema.js';

/** What a place in a configuration may hold: a JSON Schema with the notes of its field. */
export interface Outline {
  readonly properties?: Readonly<Record<string, Outline>>;
  readonly additionalProperties?: unknown;
  readonly items?: Outline;
  readonly anyOf?: readonly Outline[];
  readonly description?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly type?: string;
  readonly notes?: FieldNotes;
}

let known: Outline | undefined;

/** The whole of it. */
export function outline(): Outline {
  known ??= jsonSchema({ notes: true });
  return known;
}

/** The schema as JSON Schema, draft 2020-12; with `notes` also what only we read. */
export function jsonSchema({ notes }: { readonly notes: boolean }): Outline {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const fallback = z.globalRegistry.get(zodSchema)?.default;
      if (fallback !== undefined) jsonSchema.default = fallback as z.core.util.JSONType;
      const found = notes ? fieldNotes.get(zodSchema) : undefined;
      if (found !== undefined) Object.assign(jsonSchema, { notes: found });
    },
  }) as Outline;
}

/** The part that describes an object of known keys, where the place may hold one. */
export function sectionOf(place: Outline): Required<Pick<Outline, 'properties'>> & Outline {
  const section = [place, ...(place.anyOf ?? [])].find((one) => one.properties !== undefined);
  return { ...section, properties: section?.properties ?? {} };
}

/** Whether no other key than the known ones may stand there. */
export function isClosed(place: Outline): boolean {
  return sectionOf(place).additionalProperties === false;
}

/** A field with its path. */
export interface Leaf {
  readonly keys: readonly string[];
  readonly notes: FieldNotes | undefined;
}

/** The fields that hold no section, lists of sections left out: what an environment can set. */
export function leavesOf(place: Outline, keys: readonly string[] = []): Leaf[] {
  const members = Object.entries(sectionOf(place).properties).flatMap(([key, member]) =>
    leavesOf(member, [...keys, key]),
  );
  const isLeaf = place.notes !== undefined && place.notes.kind !== 'texts by name';
  const isChoice = place.anyOf?.some((one) => one.type === 'string' && !one.notes) ?? false;
  return isLeaf || (isChoice && place.notes === undefined && members.length > 0)
    ? [{ keys, notes: place.notes }, ...members]
    : members;
}
