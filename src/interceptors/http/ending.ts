import type { Outcome } from '../outcome.js';

/** How a call ended. */
export interface Ending {
  /** The HTTP status of the answer; undefined where there was none. */
  readonly status: number | undefined;
  /** What the handler threw, where that is known. */
  readonly error?: unknown;
  /** Whether the client was gone before the answer was whole. */
  readonly hungUp?: boolean;
  /** Whether the answer began and was then broken off from here. */
  readonly brokenOff?: boolean;
}

/**
 * What an ending means: 401 and 403 are `denied`; 5xx and an error are `failed` and only recorded on
 * demand; other statuses below 400 are a `success`, and from 400 nothing. No answer at all, and one that began
 * well and was broken off from here, are `failed` in any case: it may have been done all the same, and
 * who hangs up must not get by unrecorded.
 */
export function outcomeOf(ending: Ending, failures: boolean): Outcome | undefined {
  const { status, error, brokenOff = false } = ending;
  if (status === undefined) return error === undefined || failures ? 'failed' : undefined;
  if (status === 401 || status === 403) return 'denied';
  if (status >= 500) return failures ? 'failed' : undefined;
  if (status >= 400) return undefined;
  return brokenOff ? 'failed' : 'success';
}
