import { complain } from '../diagnostics.js';
import { messageOf } from '../errors.js';
import { atEndOfTurn } from '../turn.js';

/** Does what is to be done once a turn of the event loop in which something was recorded. */
export class Turns {
  readonly #work: () => void;
  #isScheduled = false;
  #isClosed = false;

  constructor(work: () => void) {
    this.#work = work;
  }

  schedule(): void {
    if (this.#isClosed) this.end();
    if (this.#isClosed || this.#isScheduled) return;
    this.#isScheduled = true;
    atEndOfTurn(() => this.end());
  }

  /** Nobody watches the end of the process any more: from now on nothing waits for the end of a turn. */
  close(): void {
    this.end();
    this.#isClosed = true;
  }

  /** Does it now. Never throws. */
  end(): void {
    this.#isScheduled = false;
    try {
      this.#work();
    } catch (error) {
      // Not to be expected; outside of any call it would end the application.
      complain(`what was recorded in this turn is not written yet: ${messageOf(error)}`);
    }
  }
}
