import type { ServerResponse } from 'node:http';
import { systemClock, type Timer } from '../../clock.js';
import { whenProcessExits } from '../../process-exit.js';
import { tellFault } from '../record.js';
import type { Ending } from './ending.js';

/** What a call's end is seen by. */
export interface Exchange {
  /** The answer goes out, with the status that it has now. What comes back is `onEnd`'s, if that is the end. */
  answered(): void | Promise<void>;
  /** The same of an answer that began earlier: some servers end one that they are about to break off. */
  answeredInParts(): void;
  /** An error that the framework makes an answer of. */
  note(error: unknown): void;
  /** The handler threw; with nothing of an answer under way, that is the end. */
  threw(error: unknown): void;
  /** The handler is through; where the client has gone, nothing more will come. */
  finished(): void;
}

/** Calls whose client has gone and whose handler has not answered; told of before the process ends. */
const waiting = new Set<() => void>();
let stopListening: (() => void) | undefined;

/**
 * Watches an exchange, and tells once how it ended: an answer, whatever became of the client; one broken off
 * by either side; a handler that throws; or no answer within `unansweredMs` after the client hung up. Does
 * not see an answer by itself: see {@link tellAnswer}.
 */
export function watchExchange(
  response: ServerResponse,
  unansweredMs: number,
  onEnd: (ending: Ending) => void | Promise<void>,
): Exchange {
  let isOver = false;
  let isBrokenFromHere = false;
  let hungUp = false;
  let timer: Timer | undefined;
  let noted: unknown;

  const settle = (ending: Ending): void | Promise<void> => {
    if (isOver) return;
    isOver = true;
    timer?.cancel();
    stopWaiting(giveUp);
    return onEnd(noted === undefined ? ending : { error: noted, ...ending });
  };
  const settleUnheld = (ending: Ending): void => {
    // Nobody is left who could be refused an answer.
    settle(ending)?.then(undefined, (error) => tellFault('an HTTP call was not audited', error));
  };
  const statusSoFar = () => (response.headersSent ? response.statusCode : undefined);
  const giveUp = (): void => settleUnheld({ status: statusSoFar(), hungUp });

  const { destroy } = response;
  // Node does not call it when a client hangs up; a handler that gives up its answer does.
  response.destroy = function (this: ServerResponse, ...given: Parameters<typeof destroy>) {
    isBrokenFromHere = true;
    const result = Reflect.apply(destroy, this, given);
    if (hungUp) giveUp();
    return result;
  };
  // First of all listeners, for another one ends the span.
  response.prependListener('close', () => {
    if (isOver) return;
    if (isBrokenFromHere) {
      const status = statusSoFar();
      settleUnheld({ status, brokenOff: status !== undefined });
    } else {
      hungUp = true;
      if (response.headersSent) return giveUp();
      timer = systemClock.schedule(giveUp, unansweredMs);
      startWaiting(giveUp);
    }
  });

  return {
    answered: () => settle({ status: response.statusCode, hungUp }),
    answeredInParts() {
      queueMicrotask(() => {
        settleUnheld({ status: response.statusCode, hungUp, brokenOff: isBrokenFromHere });
      });
    },
    note(error) {
      noted = error;
    },
    threw(error) {
      const status = statusSoFar();
      if (response.writableEnded) return;
      settleUnheld({ status, error, hungUp, brokenOff: status !== undefined });
    },
    finished() {
      if (hungUp) giveUp();
    },
  };
}

/** Tells of the answer once it is handed to Node: while the span still records, and its client waits no more. */
export function tellAnswer(response: ServerResponse, exchange: Exchange): void {
  const { end } = response;
  response.end = function (this: ServerResponse, ...given: unknown[]) {
    const isUnderWay = response.headersSent;
    const result = Reflect.apply(end, this, given); // which may throw, and sets the status for good
    if (isUnderWay) exchange.answeredInParts();
    else exchange.answered();
    return result;
  } as ServerResponse['end'];
}

function startWaiting(giveUp: () => void): void {
  stopListening ??= whenProcessExits(() => {
    for (const one of [...waiting]) one();
  });
  waiting.add(giveUp);
}

function stopWaiting(giveUp: () => void): void {
  if (!waiting.delete(giveUp) || waiting.size > 0) return;
  stopListening?.();
  stopListening = undefined;
}
