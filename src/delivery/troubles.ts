/** What a lane may suffer from. */
export type TroubleKind =
  /** Its records cannot be read. */
  | 'source'
  /** The sink itself is wrong: credentials, address, closed endpoint. */
  | 'sink'
  /** The sink does not store what it is sent, for now. */
  | 'transient'
  /** The sink has not settled a batch, though its deadline is over. */
  | 'overdue'
  /** A dead letter cannot be written. */
  | 'dead-letter'
  /** The position cannot be saved: after a restart events come again. */
  | 'position';

/** Why a lane is not well. */
export interface LaneTrouble {
  readonly kind: TroubleKind;
  readonly message: string;
  /** When its unbroken row of failures began, in the clock's monotonic time. */
  readonly since: number;
}

/** What can fail on its own; most severe first. */
const AREAS = ['reading', 'sending', 'burying', 'saving'] as const;
type Area = (typeof AREAS)[number];

/** The failures that are not over. */
export class Troubles {
  readonly #byArea = new Map<Area, LaneTrouble>();

  /** A further failure keeps the time of the first. */
  add(area: Area, kind: TroubleKind, message: string, now: number): void {
    this.#byArea.set(area, { kind, message, since: this.#byArea.get(area)?.since ?? now });
  }

  end(area: Area): void {
    this.#byArea.delete(area);
  }

  get worst(): LaneTrouble | undefined {
    for (const area of AREAS) {
      const trouble = this.#byArea.get(area);
      if (trouble !== undefined) return trouble;
    }
    return undefined;
  }
}
