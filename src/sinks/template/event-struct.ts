import type { Actor, AuditEvent } from '../../event/event.js';
import { payloadToJson } from '../../event/json.js';
import { parsePayload } from './payload.js';
import { RawJson, type Struct, type StructField, type Value } from './value.js';

// The event as a template of Flipt's sees it: the fields of Flipt's structs, in their order.

const field = (name: string, omitEmpty = false): StructField => ({
  name,
  jsonName: name === 'IP' ? 'ip' : name.toLowerCase(),
  omitEmpty,
});

export const EVENT = {
  typeName: 'audit.Event',
  fields: ['Version', 'Type', 'Action', 'Metadata', 'Payload', 'Timestamp', 'Status'].map((name) =>
    field(name),
  ),
};

export const METADATA = { typeName: 'audit.Metadata', fields: [field('Actor')] };

export const ACTOR = {
  typeName: 'audit.Actor',
  fields: ['Authentication', 'IP', 'Email', 'Name', 'Picture'].map((name) => field(name, true)),
};

export class EventStruct implements Struct {
  readonly struct = EVENT;
  readonly isPointer = false;
  readonly #event: AuditEvent;
  #metadata: MetadataStruct | undefined;
  #payload: RawJson | undefined;

  constructor(event: AuditEvent) {
    this.#event = event;
  }

  get(name: string): Value {
    const event = this.#event;
    switch (name) {
      case 'Version':
        return event.version;
      case 'Type':
        return event.type;
      case 'Action':
        return event.action;
      case 'Metadata':
        this.#metadata ??= new MetadataStruct(event.metadata.actor);
        return this.#metadata;
      case 'Payload':
        this.#payload ??= new RawJson(payloadToJson(event), parsePayload);
        return this.#payload;
      case 'Timestamp':
        return event.timestamp;
      case 'Status':
        return event.status ?? '';
      default:
        return undefined;
    }
  }
}

class MetadataStruct implements Struct {
  readonly struct = METADATA;
  readonly isPointer = false;
  readonly #actor: ActorStruct;

  constructor(actor: Actor | undefined) {
    this.#actor = new ActorStruct(actor);
  }

  get(name: string): Value {
    return name === 'Actor' ? this.#actor : undefined;
  }
}

/** Never nil: Flipt decodes an event without an actor to one whose fields are empty. */
class ActorStruct implements Struct {
  readonly struct = ACTOR;
  readonly isPointer = true;
  readonly #actor: Actor | undefined;

  constructor(actor: Actor | undefined) {
    this.#actor = actor;
  }

  get(name: string): Value {
    const actor = this.#actor;
    switch (name) {
      case 'Authentication':
        return actor?.authentication ?? '';
      case 'IP':
        return actor?.ip ?? '';
      case 'Email':
        return actor?.email ?? '';
      case 'Name':
        return actor?.name ?? '';
      case 'Picture':
        return actor?.picture ?? '';
      default:
        return undefined;
    }
  }
}
