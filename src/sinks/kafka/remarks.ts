/** What an encoded value cannot say by itself; it travels in headers, so that the event can be read whole. */
export interface Remarks {
  /** The payload was no object and stands under `value`. */
  wrapped: boolean;
  /** The members whose text is JSON, as a JSON array of their names. */
  jsonMembers: string | undefined;
  /** Whether the value gives back actor and payload as they were recorded. */
  actorExact: boolean;
  payloadExact: boolean;
}

export function clearRemarks(remarks: Remarks): void {
  remarks.wrapped = false;
  remarks.jsonMembers = undefined;
  remarks.actorExact = true;
  remarks.payloadExact = true;
}

/** The name under which a payload stands that is no object. */
export const WRAPPED = 'value';
