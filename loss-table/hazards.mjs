// What can happen to an audit event on its way to a file. Each hazard says how it sets up tracing, what
// the application does, and how the process ends; both contenders run the very same application.
import { TraceFlags } from '@opentelemetry/api';
import {
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';

/**
 * @typedef {object} Hazard
 * @property {string} name as it stands in the table
 * @property {number} events how many are recorded
 * @property {object} [tracing] options of the tracer provider
 * @property {object[]} [neighbours] span processors that come first
 * @property {number} [payloadBytes]
 * @property {(app: App) => void | Promise<void>} record
 * @property {(app: App) => void | Promise<void>} end
 * @property {number} [downMs] the far side refuses for so long
 * @property {number} [slowMs] the far side takes so long
 */

/**
 * @typedef {object} App what a hazard works with
 * @property {(parent?: object) => object} startSpan
 * @property {(span: object) => void} addEvent adds the next event
 * @property {() => Promise<void>} shutdown the provider's
 */

const turn = () => new Promise(setImmediate);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One span an event, some a turn, as requests come. */
const requests =
  (count, { parent, each = () => {} } = {}) =>
  async (app) => {
    for (let n = 0; n < count; n += 1) {
      const span = app.startSpan(parent);
      app.addEvent(span);
      span.end();
      await each(n);
      if (n % 20 === 19) await turn();
    }
  };

const cleanly = ({ shutdown }) => shutdown();
const byItself = () => {};
/** The turn that recorded is over: the next one is where the signal comes. */
const bySignal = (signal) => async () => {
  await turn();
  process.kill(process.pid, signal);
  await sleep(10_000); // the signal ends it
};

const unsampledParent = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.NONE,
  isRemote: true,
};

const throwing = {
  onStart() {},
  onEnd() {
    throw new Error('the neighbour has a bad day');
  },
  async forceFlush() {},
  async shutdown() {},
};

/** @type {Hazard[]} */
export const hazards = [
  {
    name: 'remote parent that is not sampled',
    events: 1000,
    record: requests(1000, { parent: unsampledParent }),
    end: cleanly,
  },
  {
    name: 'sampling ratio 0.1',
    events: 1000,
    tracing: { sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.1) }) },
    record: requests(1000),
    end: cleanly,
  },
  {
    name: 'burst of 10,000 spans in one tick',
    events: 10_000,
    record(app) {
      for (let n = 0; n < 10_000; n += 1) {
        const span = app.startSpan();
        app.addEvent(span);
        span.end();
      }
    },
    end: cleanly,
  },
  {
    name: '500 events on one span',
    events: 500,
    record(app) {
      const span = app.startSpan();
      for (let n = 0; n < 500; n += 1) app.addEvent(span);
      span.end();
    },
    end: cleanly,
  },
  {
    name: 'attribute values cut at 128, payload of 2 KB',
    events: 1000,
    tracing: { generalLimits: { attributeValueLengthLimit: 128 } },
    payloadBytes: 2048,
    record: requests(1000),
    end: cleanly,
  },
  {
    name: 'far side down for 5 s',
    events: 6000,
    downMs: 5000,
    record: requests(6000, { each: (n) => (n % 10 === 9 ? sleep(10) : undefined) }),
    end: cleanly,
  },
  {
    name: 'SIGKILL right after recording',
    events: 100,
    record: requests(100),
    end: bySignal('SIGKILL'),
  },
  { name: 'SIGTERM', events: 100, record: requests(100), end: bySignal('SIGTERM') },
  { name: 'script that ends by itself', events: 100, record: requests(100), end: byItself },
  {
    name: 'shutdown while the far side takes 40 s',
    events: 1000,
    slowMs: 40_000,
    record: requests(1000),
    end: ({ shutdown }) => shutdown().finally(() => process.exit()),
  },
  {
    name: 'earlier span processor that throws',
    events: 1000,
    neighbours: [throwing],
    async record(app) {
      for (let n = 0; n < 1000; n += 1) {
        const span = app.startSpan();
        app.addEvent(span);
        try {
          span.end();
        } catch {
          // The SDK lets the neighbour's error through.
        }
        if (n % 20 === 19) await turn();
      }
    },
    end: cleanly,
  },
  {
    name: 'span that never ends',
    events: 100,
    record(app) {
      for (let n = 0; n < 100; n += 1) app.addEvent(app.startSpan());
    },
    end: cleanly,
  },
  {
    name: 'event added after the end of its span',
    events: 100,
    record(app) {
      for (let n = 0; n < 100; n += 1) {
        const span = app.startSpan();
        span.end();
        app.addEvent(span);
      }
    },
    end: cleanly,
  },
];

export const defaultSampler = () => new ParentBasedSampler({ root: new AlwaysOnSampler() });
