import type { LedgerRecord } from '../ledger/record.js';

/** Records that are sent together: a batch, or what a failure left of one. */
export interface Piece {
  /** At least one, ascending, each with an event. */
  readonly records: readonly LedgerRecord[];
  /** How often these records were sent so far. */
  readonly attempts: number;
  /** How many of these attempts failed transiently in a row; of a single event, alone. */
  readonly failures: number;
  /** In the clock's monotonic time. */
  readonly firstFailedAt: number | undefined;
  /** Set where the one record is not to be sent any more. */
  readonly doom?: Doom;
}

/** Why an event will not be tried again. */
export interface Doom {
  readonly reason: string;
  readonly cause: Error;
}

export function newPiece(records: readonly LedgerRecord[]): Piece {
  return { records, attempts: 0, failures: 0, firstFailedAt: undefined };
}

/** Both halves have failed as often as the whole, but a single event has not failed alone yet. */
export function halve(piece: Piece): readonly [Piece, Piece] {
  const middle = piece.records.length >> 1;
  const part = (records: readonly LedgerRecord[]): Piece => ({
    ...piece,
    records,
    failures: records.length === 1 ? 0 : piece.failures,
  });
  return [part(piece.records.slice(0, middle)), part(piece.records.slice(middle))];
}
