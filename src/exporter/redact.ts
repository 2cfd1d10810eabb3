import { AuditError } from '../errors.js';
import { forgetActor, withTexts } from '../event/attributes.js';
import type { AuditEvent } from '../event/event.js';
import { forgetText, isKnownText } from '../event/known-texts.js';
import { actorTextOf, payloadTextOf, TEXTS } from '../event/texts.js';
import { type Censor, censorOf } from './redact/censor.js';
import { NameFinder } from './redact/names.js';
import { type ParsedPath, parsePath } from './redact/path.js';
import { TextRedactor } from './redact/text.js';

/** Which values are hidden before anything is written. */
export interface RedactOptions {
  /**
   * Which values, at most 1000 paths, each of one of these forms:
   *
   * - a path into the event as the ledger shows it, which begins with `payload` or `metadata.actor`:
   *   `payload.user.ssn`, `payload["x-api-key"]`, `payload.items[0]`, and with `*` for every member of an
   *   object and every element of an array, `payload.items[*].card`; what it leads to is hidden whole.
   *   Those with `*` or an index need the package `@pinojs/redact`.
   * - `**.ssn`: members of this name at any depth of payload and actor. Upper and lower case, `-`, `_`, dots,
   *   blanks, invisible characters and the widths of letters make no difference.
   * - `credentials`: at any depth what names itself a password, passphrase, secret, token, cookie, authorization,
   *   credential, or an API, access, secret, private, signing or encryption key; the name's last words decide,
   *   as in `newPassword` or `client_secret`.
   */
  readonly paths: readonly string[];
  /**
   * What becomes of them: `remove` takes them away (an element of an array becomes `null`), `mask` puts
   * `[REDACTED]` in their place, `hmac` a text that is the same for the same value and tells it to nobody
   * without the key: `hmac-sha256:` and 64 hexadecimal digits, HMAC-SHA-256 (RFC 2104) over the value's JSON;
   * at most 50,000 of them in a payload, and one with more is kept as malformed.
   */
  readonly mode: 'remove' | 'mask' | 'hmac';
  /** The key of mode `hmac`; 32 random bytes are right, a text counts as UTF-8. */
  readonly key?: string | Uint8Array | undefined;
}

/** Hides what is not to be recorded. */
export interface Redactor {
  /**
   * The event without what is to be hidden, as its texts say it; itself where that is nothing.
   *
   * @throws {RangeError} where it is nested too deeply
   */
  redact(event: AuditEvent): AuditEvent;
}

const OPTIONS = ['paths', 'mode', 'key'];
const MODES = ['remove', 'mask', 'hmac'];
const MAX_PATHS = 1000;

/** @throws {AuditError} `invalid-option`, naming the option, also where `@pinojs/redact` is missing */
export function resolveRedactor(where: string, options: RedactOptions): Redactor {
  const refuse = (fault: string) => new AuditError('invalid-option', `${where}${fault}`);
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw refuse(' must be an object with paths and mode');
  }
  const unknown = Object.keys(options).find((option) => !OPTIONS.includes(option));
  if (unknown !== undefined) {
    throw refuse(`.${unknown} is no option; there are ${OPTIONS.join(', ')}`);
  }
  const { paths, mode, key } = options;
  if (!MODES.includes(mode)) throw refuse(`.mode must be one of ${MODES.join(', ')}`);
  const isKey = typeof key === 'string' || key instanceof Uint8Array;
  if (mode === 'hmac' && (!isKey || key.length === 0)) {
    throw refuse('.key must be a text or bytes, and not empty, for mode hmac');
  }
  if (mode !== 'hmac' && key !== undefined) throw refuse('.key is for mode hmac alone');
  if (!Array.isArray(paths) || paths.length === 0 || paths.length > MAX_PATHS) {
    throw refuse(`.paths must be a list of 1 to ${MAX_PATHS} paths`);
  }
  const parsed = paths.map((path, index) =>
    parsePath(path, (fault) => refuse(`.paths[${index}] ${fault}`)),
  );
  return new EventRedactor(parsed, censorOf(mode, key), refuse);
}

class EventRedactor implements Redactor {
  readonly #payload: TextRedactor;
  readonly #actor: TextRedactor;
  // What one request does, one actor does.
  #lastActor = 'null';
  #lastRedactedActor = 'null';

  constructor(paths: readonly ParsedPath[], censor: Censor, refuse: (fault: string) => AuditError) {
    const names = new NameFinder(paths);
    this.#payload = new TextRedactor('payload', paths, names, censor, refuse);
    this.#actor = new TextRedactor('actor', paths, names, censor, refuse);
  }

  redact(event: AuditEvent): AuditEvent {
    const actor = actorTextOf(event);
    const payload = payloadTextOf(event);
    const newActor = this.#redactActor(actor);
    const newPayload =
      payload === undefined ? undefined : this.#payload.redact(payload, isOurs(event, payload));
    if (newActor === actor && newPayload === payload) return event;
    if (newPayload !== payload) forgetText(event.id);
    return withTexts(event, newActor, newPayload);
  }

  #redactActor(text: string): string {
    if (text !== this.#lastActor) {
      this.#lastRedactedActor =
        text === 'null' ? text : (this.#actor.redact(text, false) ?? 'null');
      this.#lastActor = text;
      if (this.#lastRedactedActor !== text) forgetActor(text);
    }
    return this.#lastRedactedActor;
  }
}

/** Whether `JSON.stringify` made the text here: only such a text hides nothing from a search. */
function isOurs(event: AuditEvent, payload: string): boolean {
  return event[TEXTS]?.isRecorded === false || isKnownText(event.id, payload);
}
