// Four writers on one host, as cluster workers or as worker threads, each in a slot of its own.
import cluster from 'node:cluster';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, threadId, Worker } from 'node:worker_threads';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import {
  AuditSpanProcessor,
  addEventToSpan,
  type Sink,
  SinkSpanExporter,
} from '../../../src/index.js';
import { logSink } from '../../../src/sinks/log.js';
import { eventNamed, input, say, turn } from './library.js';

export interface SlotsInput {
  readonly mode: 'cluster' | 'threads';
  readonly directory: string;
  readonly file: string;
  /** The sink refuses everything. */
  readonly isDown?: boolean;
}

const WRITERS = 4;
const { mode, directory, file, isDown = false } = input<SlotsInput>();

/** What a writer is told, by whichever way: `record <count>`, `capture <count>`, `end`, `exit`. */
async function write(name: string, onCommand: (callback: (command: string) => void) => void) {
  const down: Sink = { sendAudits: () => Promise.reject(new Error('down')) };
  const exporter = new SinkSpanExporter({
    ledger: { directory, slots: true },
    sinks: { file: isDown ? down : logSink({ file, fields: 'full' }) },
  });
  const tracer = new BasicTracerProvider({
    spanProcessors: [new AuditSpanProcessor(exporter)],
  }).getTracer('slots');
  let number = 0;
  const nextEvents = (count: number) =>
    Array.from({ length: count }, () => eventNamed(`${name}-${++number}`));

  const commands: Record<string, (count: number) => Promise<void>> = {
    async record(count) {
      await Promise.all(
        nextEvents(count).map(async (event) => {
          await exporter.sendAudits([event]);
          say(`ack ${event.id}`);
        }),
      );
    },
    async capture(count) {
      const span = tracer.startSpan('never ends');
      const events = nextEvents(count);
      for (const event of events) addEventToSpan(event, span);
      await turn();
      say(...events.map(({ id }) => `ack ${id}`));
    },
    async end() {
      await exporter.shutdown();
      if (cluster.isWorker) cluster.worker!.disconnect();
      else parentPort?.close();
    },
    async exit() {
      addEventToSpan(eventNamed(`${name}-last`), tracer.startSpan('never ends'));
      process.exit(0);
    },
    async throw() {
      addEventToSpan(eventNamed(`${name}-last`), tracer.startSpan('never ends'));
      throw new Error('boom');
    },
  };
  onCommand((command) => {
    const [verb, count] = command.split(' ');
    void commands[verb!]!(Number(count)).then(() => say(`did ${name} ${command}`));
  });
  say(`open ${name}`);
}

/** Passes on what the test says, `<writer> <command>`, and starts or kills writers. */
async function lead(
  start: (name: string) => {
    tell(command: string): void;
    kill(): void;
    onEnd(callback: () => void): void;
  },
): Promise<void> {
  const writers = new Map<string, ReturnType<typeof start>>();
  const add = (name: string) => {
    const writer = start(name);
    writers.set(name, writer);
    writer.onEnd(() => say(`gone ${name}`));
  };
  for (let n = 1; n <= WRITERS; n += 1) add(`w${n}`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...words] = line.split(' ');
    const command = words.join(' ');
    if (command === 'start') add(name!);
    else if (command === 'kill') writers.get(name!)!.kill();
    else writers.get(name!)!.tell(command);
  }
}

if (mode === 'cluster') {
  if (cluster.isPrimary) {
    void lead((name) => {
      const worker = cluster.fork({ WRITER: name });
      return {
        tell: (command) => worker.send(command),
        kill: () => worker.process.kill('SIGKILL'),
        onEnd: (callback) => worker.on('exit', callback),
      };
    });
  } else {
    void write(process.env.WRITER!, (callback) => process.on('message', callback));
  }
} else if (isMainThread) {
  void lead((name) => {
    const worker = new Worker(__filename, { argv: process.argv.slice(2), env: { WRITER: name } });
    worker.on('error', () => {}); // the test looks at what is left
    return {
      tell: (command) => worker.postMessage(command),
      kill: () => void worker.terminate(),
      onEnd: (callback) => worker.on('exit', callback),
    };
  });
} else {
  if (threadId === 0) throw new Error('not in a thread');
  void write(process.env.WRITER!, (callback) => parentPort!.on('message', callback));
}
