import type { ConfiguredSinks } from '../../config/configured-sinks.js';
import type { SinkEntry } from '../../exporter/options.js';
import { lanesOf } from '../../sink.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { type LedgerFolder, ledgersIn } from '../ledgers.js';
import { countOf, type Parsed, textOf } from '../options.js';
import { argumentsOf } from '../positionals.js';
import { printable } from '../printable.js';
import { Progress } from '../progress.js';
import { forEachReplayable, type Replayable, type ReplayQuery } from '../replay-source.js';
import { noteReplayed } from '../replayed.js';
import { countText } from '../table.js';
import { Tally } from '../tally.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage.js';
import { watchSink } from '../watched-sink.js';

export const replay: Command = {
  name: 'replay',
  summary: 'sends records, or dead letters, again to a sink of a configuration file',
  synopsis: 'replay DIR SINK --config FILE (--dead | --from SEQ --to SEQ) [--dry-run] [--yes]',
  help: `  --config FILE       the configuration that names the sink, as of createAudit
  --dead              the sink's dead letters that were not sent again yet
  --from SEQ --to SEQ these records, both included
  --dry-run           only say what would be sent
  --yes               do not ask

Says first what it would send, and asks. Events go out with the ids that they have, in batches, and are
tried again as the configuration says. Works beside a running writer: the sink's position and its dead
letters stay as they are; which dead letters were stored now is noted in dead/SINK.replayed.jsonl.
Exit code 1: not everything was stored.`,
  example: 'replay audit webhook --config audit.yaml --dead',
  options: {
    config: { type: 'string' },
    dead: { type: 'boolean' },
    from: { type: 'string' },
    to: { type: 'string' },
    'dry-run': { type: 'boolean' },
    yes: { type: 'boolean', short: 'y' },
  },
  run: runReplay,
};

async function runReplay(parsed: Parsed, context: CommandContext): Promise<number> {
  const [directory, sink] = argumentsOf(parsed, replay.synopsis, 2);
  const query = queryOf(parsed, sink!);
  const config = textOf(parsed.values, 'config');
  if (config === undefined) {
    throw new UsageError('--config FILE is missing: the configuration that names the sink');
  }
  const ledgers = ledgersIn(directory!);
  if (!query.dead && ledgers.length > 1) {
    throw new UsageError('each slot has its own numbers: name one, as in DIR/0');
  }
  // Loaded late: no other command needs what records and delivers.
  const { configuredSinks } = await import('../../config/configured-sinks.js');
  const sinks = await configuredSinks(config, 'otel-audit replay', context.env);
  try {
    const lanes = lanesByName(sinks.sinks);
    const target = lanes.get(sink!);
    if (target === undefined) {
      const names = [...lanes.keys()].join(', ') || 'none';
      throw new UsageError(
        `${config} has no sink ${JSON.stringify(sink)} that is enabled; it has ${names}`,
      );
    }
    const plan = await planOf(ledgers, query);
    say(plan, query, parsed, context);
    if (plan.events === 0 || parsed.values['dry-run'] === true) return EXIT.fine;
    if (parsed.values.yes !== true && !(await mayGoOn(sink!, context))) return EXIT.usage;
    return await send(target, sinks.delivery, ledgers, query, plan, parsed, context);
  } finally {
    await sinks.close();
  }
}

function queryOf({ values }: Parsed, sink: string): ReplayQuery {
  const from = countOf(values, 'from', 1);
  const to = countOf(values, 'to', 1);
  const dead = values.dead === true;
  if (dead && (from ?? to) !== undefined) {
    throw new UsageError('--dead and --from, --to are two ways to choose: give one of them');
  }
  if (!dead && (from === undefined || to === undefined)) {
    throw new UsageError('what is to be sent? --dead, or --from SEQ --to SEQ');
  }
  if (from !== undefined && to !== undefined && from > to) {
    throw new UsageError(`--from ${from} is past --to ${to}`);
  }
  return { sink, dead, from, to };
}

/** What would be sent. */
interface ReplayPlan {
  events: number;
  passedOver: number;
  first: string;
  last: string;
  readonly pairs: Tally;
}

async function planOf(ledgers: readonly LedgerFolder[], query: ReplayQuery): Promise<ReplayPlan> {
  const plan = { events: 0, passedOver: 0, first: '', last: '', pairs: new Tally() };
  for (const ledger of ledgers) {
    plan.passedOver += await forEachReplayable(ledger, query, async ({ event }) => {
      const { type, action, timestamp } = event;
      plan.events += 1;
      plan.pairs.add(`${type}:${action}`);
      if (plan.first === '' || timestamp < plan.first) plan.first = timestamp;
      if (timestamp > plan.last) plan.last = timestamp;
      return true;
    });
  }
  return plan;
}

function say(
  plan: ReplayPlan,
  { sink, dead }: ReplayQuery,
  { values }: Parsed,
  { terminal }: CommandContext,
): void {
  const { events, passedOver, first, last, pairs } = plan;
  if (values.json === true) {
    const counts = pairs.top().map(({ key, count }) => ({ key, count }));
    terminal.verbatim(
      JSON.stringify({ sink, dead, events, passedOver, first, last, pairs: counts }),
    );
    return;
  }
  const what = dead ? 'dead letter(s)' : 'record(s)';
  terminal.out(`${countText(events)} ${what} for ${printable(sink)}`);
  if (events > 0) {
    terminal.out(`  of ${printable(first)} to ${printable(last)}`);
    const names = pairs.top(5).map(({ key, count }) => `${printable(key)} ${countText(count)}`);
    terminal.out(`  ${names.join(', ')}${pairs.size > 5 ? ', …' : ''}`);
  }
  if (passedOver > 0) terminal.out(`  ${countText(passedOver)} that hold no event are passed over`);
}

async function mayGoOn(sink: string, { ask }: CommandContext): Promise<boolean> {
  const answer = await ask(`Send them to ${printable(sink)}? [y/N] `);
  if (answer === undefined) throw new UsageError('nobody is there to be asked: say --yes');
  return /^y(es)?$/i.test(answer.trim());
}

const BATCH = 512;
/** The lane's own patience ends sooner. */
const PATIENCE_MS = 24 * 3_600_000;

/** A sink of several parts has a lane, and so dead letters, for each, as the exporter names them. */
function lanesByName(sinks: ConfiguredSinks['sinks']): Map<string, SinkEntry> {
  const lanes = new Map<string, SinkEntry>();
  for (const [name, given] of Object.entries(sinks)) {
    const entry: SinkEntry = 'sink' in given ? given : { sink: given };
    for (const [lane, sink] of lanesOf(name, entry.sink)) lanes.set(lane, { ...entry, sink });
  }
  return lanes;
}

async function send(
  target: SinkEntry,
  delivery: ConfiguredSinks['delivery'],
  ledgers: readonly LedgerFolder[],
  query: ReplayQuery,
  plan: ReplayPlan,
  { values }: Parsed,
  { terminal, interruption, now }: CommandContext,
): Promise<number> {
  const { sink, dead } = query;
  const signal = interruption(); // what is under way ends first
  const { SinkSpanExporter } = await import('../../exporter/exporter.js');
  const watched = watchSink(target.sink);
  // Without a ledger: what is sent stands in one already. Retries, halving and deadlines are the lane's.
  const exporter = new SinkSpanExporter({
    sinks: { [sink]: { ...target, sink: watched.sink } },
    delivery,
    maxEventBytes: MAX_EVENT_BYTES,
  });
  const progress = new Progress(terminal, 'sending');
  const result: ReplayResult = { stored: 0, passed: 0, refused: [], fault: undefined };
  let batch: Replayable[] = [];
  const flush = async (): Promise<boolean> => {
    const sending = batch;
    batch = [];
    if (sending.length === 0) return true;
    const events = sending.map(({ event }) => event);
    await exporter
      .sendAudits(events, { until: 'delivered', timeoutMs: PATIENCE_MS })
      .catch(() => {}); // the sink itself says which
    const stored = events.filter(({ id }) => watched.isStored(id)).map(({ id }) => id);
    result.stored += stored.length;
    if (dead) {
      const at = new Date(now()).toISOString();
      noteReplayed(sending[0]!.ledger.directory, sink, at, stored);
    }
    for (const { event, sequence } of sending) {
      const fault = watched.faultOf(event.id);
      if (fault?.isFinal === true) result.refused.push({ id: event.id, reason: fault.reason });
      else if (fault !== undefined) result.fault ??= `record ${sequence}: ${fault.reason}`;
      else if (!watched.isStored(event.id)) result.passed += 1; // the sink's own checker leaves it out
    }
    watched.forget();
    progress.at(result.stored, plan.events);
    return result.fault === undefined && !signal.aborted;
  };
  try {
    for (const ledger of ledgers) {
      let goesOn = true;
      await forEachReplayable(ledger, query, async (replayable) => {
        batch.push(replayable);
        if (batch.length >= BATCH) goesOn = await flush();
        return goesOn;
      });
      if (!goesOn || !(await flush())) break;
    }
  } finally {
    progress.end();
    await exporter.shutdown().catch(() => {}); // what it says was said by a send already
  }
  return summarize(result, plan, values.json === true, terminal);
}

interface ReplayResult {
  stored: number;
  /** The sink's own checker turned them away. */
  passed: number;
  readonly refused: { readonly id: string; readonly reason: string }[];
  /** Why it ended before everything was sent. */
  fault: string | undefined;
}

function summarize(
  { stored, passed, refused, fault }: ReplayResult,
  { events }: ReplayPlan,
  json: boolean,
  terminal: Terminal,
): number {
  const left = events - stored - passed - refused.length;
  const isDone = refused.length === 0 && left <= 0;
  if (json) {
    terminal.verbatim(JSON.stringify({ stored, passed, refused, left, fault }));
    return isDone ? EXIT.fine : EXIT.broken;
  }
  terminal.out(
    terminal.paint(isDone ? 'green' : 'red', `${countText(stored)} stored`) +
      (refused.length > 0 ? `, ${countText(refused.length)} refused again` : '') +
      (passed > 0 ? `, ${countText(passed)} left out by the sink's events` : '') +
      (left > 0 ? `, ${countText(left)} not stored` : ''),
  );
  for (const { id, reason } of refused.slice(0, 5)) {
    terminal.out(`  ${printable(id)}  ${printable(reason)}`);
  }
  if (fault !== undefined) terminal.out(`  ${printable(fault)}`);
  return isDone ? EXIT.fine : EXIT.broken;
}

const MAX_EVENT_BYTES = 64 * 2 ** 20;
