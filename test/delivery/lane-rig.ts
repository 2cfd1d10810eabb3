import type { EventPairChecker } from '../../src/checker.js';
import { Lane } from '../../src/delivery/lane.js';
import type { LaneObserver } from '../../src/delivery/observer.js';
import { type Delivery, defaultDelivery } from '../../src/delivery/options.js';
import { Outlet } from '../../src/delivery/outlet.js';
import type {
  DeadLetters,
  Position,
  PositionStore,
  ReadLimits,
  Source,
} from '../../src/delivery/source.js';
import type { AuditError } from '../../src/errors.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import type { LedgerRecord, RecordContent } from '../../src/ledger/record.js';
import type { SendContext } from '../../src/sink.js';
import { type Timeline, timeline, untilIdle } from './timeline.js';

const STREAM = '8c2f6a9e-6a44-4a57-8a0c-2f1d7f3f5b11';

/** A ledger that is an array. */
export class ArraySource implements Source {
  readonly stream: string | undefined;
  readonly records: LedgerRecord[] = [];
  /** What reading throws. */
  fault: Error | undefined;
  /** Sequence numbers that are gone. */
  readonly gone = new Set<number>();
  released = 0;
  openReaders = 0;
  reads = 0;
  onRead: () => void = () => {};
  readonly #callbacks = new Set<() => void>();

  constructor({ hasLedger = true } = {}) {
    this.stream = hasLedger ? STREAM : undefined;
  }

  get deliverable(): number {
    return this.records.length;
  }

  add(content: RecordContent, bytes = 100): number {
    const sequence = this.records.length + 1;
    this.records.push({
      sequence,
      previousHash: `hash-${sequence - 1}`,
      hash: `hash-${sequence}`,
      recordedAt: `at-${sequence}`,
      content,
      bytes,
    });
    return sequence;
  }

  announce(): void {
    for (const callback of this.#callbacks) callback();
  }

  onGrowth(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }

  reader() {
    this.openReaders += 1;
    return {
      read: async (from: number, limits: ReadLimits) => {
        this.reads += 1;
        this.onRead();
        if (this.fault !== undefined) throw this.fault;
        const found: LedgerRecord[] = [];
        let bytes = 0;
        for (const record of this.records.slice(from - 1, from - 1 + limits.count)) {
          bytes += record.bytes;
          if (found.length > 0 && bytes > limits.bytes) break;
          if (!this.gone.has(record.sequence)) found.push(record);
        }
        return found;
      },
      release: (upTo: number) => {
        this.released = Math.max(this.released, upTo);
      },
      close: async () => {
        this.openReaders -= 1;
      },
    };
  }
}

/** A store whose saves can be made to fail or to wait. */
export class ArrayPositions implements PositionStore {
  position: Position;
  fault: Error | undefined;
  saves: Position[] = [];
  /** While set, a save waits until it is called. */
  held: (() => void)[] | undefined;
  inFlight = 0;
  /** Sees every position at the moment in which it is to be saved. */
  watch: (position: Position) => void = () => {};

  constructor(position: Position = { acknowledged: 0, waiting: [] }) {
    this.position = position;
  }

  async save(position: Position): Promise<void> {
    this.inFlight += 1;
    this.watch(position);
    try {
      if (this.inFlight > 1) throw new Error('two saves at the same time');
      if (this.held !== undefined) await new Promise<void>((resolve) => this.held?.push(resolve));
      if (this.fault !== undefined) throw this.fault;
      this.saves.push(position);
      this.position = position;
    } finally {
      this.inFlight -= 1;
    }
  }
}

export interface DeadLetter {
  readonly sequence: number;
  readonly reason: string;
  readonly attempts: number;
}

/** One call of the sink. */
export interface Call {
  /** The events by number, as `numbered` made them. */
  readonly numbers: readonly number[];
  readonly events: readonly AuditEvent[];
  readonly context: SendContext;
  /** When, in the clock's monotonic time. */
  readonly at: number;
}

/** What the far side does with one batch. */
export type FarSide = (call: Call) => void | Promise<void>;

export interface RigOptions {
  /** Default: stores everything. */
  readonly farSide?: FarSide;
  readonly checker?: EventPairChecker;
  readonly delivery?: Partial<Delivery>;
  readonly memory?: boolean;
  readonly position?: Position;
  readonly source?: ArraySource;
  readonly clock?: Timeline;
  readonly outlet?: Outlet;
  readonly observer?: LaneObserver;
  /** Default: always the longest backoff. */
  readonly random?: () => number;
}

/** A lane with everything round it. */
export function laneRig(options: RigOptions = {}) {
  const clock = options.clock ?? timeline();
  const source = options.source ?? new ArraySource({ hasLedger: !options.memory });
  const positions = new ArrayPositions(options.position);
  const calls: Call[] = [];
  const dead: DeadLetter[] = [];
  const told = {
    delivered: 0,
    rejected: 0,
    failed: [] as { message: string; numbers: number[]; attempt: number }[],
    setAside: [] as number[],
    lost: [] as { sequences: number[]; message: string }[],
    troubles: [] as AuditError[],
    settled: [] as number[],
  };
  const observer: LaneObserver = {
    delivered: (count) => {
      told.delivered += count;
    },
    rejected: (count) => {
      told.rejected += count;
    },
    failed: ({ message }, events, attempt) => {
      told.failed.push({ message, numbers: events.map(numberOf), attempt });
    },
    setAside: ({ sequence }) => told.setAside.push(sequence),
    lost: (records, { message }) => {
      told.lost.push({ sequences: records.map(({ sequence }) => sequence), message });
    },
    trouble: (error) => told.troubles.push(error),
    settled: (upTo) => told.settled.push(upTo),
  };
  const state = {
    farSide: options.farSide ?? (() => {}),
    deadFault: undefined as Error | undefined,
  };
  let inFlight = 0;
  let mostInFlight = 0;
  const sink = {
    async sendAudits(events: readonly AuditEvent[], context: SendContext) {
      inFlight += 1;
      mostInFlight = Math.max(mostInFlight, inFlight);
      const call = { numbers: events.map(numberOf), events, context, at: clock.monotonic() };
      calls.push(call);
      try {
        await state.farSide(call);
      } finally {
        inFlight -= 1;
      }
    },
  };
  const delivery = { ...defaultDelivery(!options.memory), ...options.delivery };
  const outlet = options.outlet ?? new Outlet(sink, delivery.timeoutMs, clock);
  const deadLetters: DeadLetters = {
    async add(record, reason, attempts) {
      if (state.deadFault !== undefined) throw state.deadFault;
      dead.push({ sequence: record.sequence, reason, attempts });
    },
  };
  const lane = new Lane({
    name: 'siem',
    source,
    outlet,
    checker: options.checker,
    delivery,
    positions,
    deadLetters: options.memory ? undefined : deadLetters,
    clock,
    random: options.random ?? (() => 1),
    observer: options.observer ?? observer,
  });
  lane.start();
  const idle = () =>
    untilIdle(() => [
      calls.length,
      inFlight,
      lane.settled,
      lane.counters,
      source.reads,
      dead.length,
    ]);
  return {
    lane,
    source,
    positions,
    clock,
    calls,
    dead,
    told,
    outlet,
    sink,
    idle,
    /** Adds this many events to the source and says so. */
    add(count: number, bytes?: number) {
      for (let i = 0; i < count; i += 1) source.add(numbered(source.deliverable + 1), bytes);
      source.announce();
    },
    pass: (ms: number) => clock.pass(ms, idle),
    setFarSide(farSide: FarSide) {
      state.farSide = farSide;
    },
    failDeadLetters(fault: Error | undefined) {
      state.deadFault = fault;
    },
    /** The numbers that the sink was sent, batch by batch. */
    get batches() {
      return calls.map(({ numbers }) => numbers);
    },
    get mostInFlight() {
      return mostInFlight;
    },
    get inFlight() {
      return inFlight;
    },
  };
}

export type Rig = ReturnType<typeof laneRig>;

/** An event that says its number. */
export function numbered(number: number, type = 'flag'): RecordContent {
  const id = `event-${number}`;
  return { id, event: createEvent({ id, type, action: 'created' }) };
}

export const numberOf = ({ id }: AuditEvent): number => Number(id.slice('event-'.length));

/** The whole numbers from one to another. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
