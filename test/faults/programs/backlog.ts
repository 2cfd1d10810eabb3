// Builds up a backlog, opens it cold, and drains it; its heap is bounded from outside.
import { type Sink, SinkSpanExporter } from '../../../src/index.js';
import { eventNamed, input, say } from './library.js';

export interface BacklogInput {
  readonly directory: string;
  readonly step: 'fill' | 'open' | 'drain';
  readonly records: number;
}

const { directory, step, records: count } = input<BacklogInput>();
const TEXT_LENGTH = 600;
const AT_ONCE = 512;

const down: Sink = { sendAudits: () => Promise.reject(new Error('down')) };

const fill = async (): Promise<void> => {
  const exporter = new SinkSpanExporter({ ledger: directory, sinks: { siem: down } });
  for (let n = 0; n < count; n += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - n);
    const events = Array.from({ length }, (_, i) => eventNamed(`e${n + i + 1}`, TEXT_LENGTH));
    await exporter.sendAudits(events);
  }
  say(`backlog ${exporter.stats().sinks.siem!.backlog}`);
  process.exit();
};

const open = async (): Promise<void> => {
  const exporter = new SinkSpanExporter({ ledger: directory, sinks: { siem: down } });
  const [same, next] = await exporter.sendAudits([
    eventNamed(`e${count}`, TEXT_LENGTH), // known from before
    eventNamed(`e${count + 1}`),
  ]);
  say(`receipts ${same!.sequence} ${next!.sequence}`, `backlog ${exporter.stats().pending}`);
  process.exit();
};

/** Takes every record, and sees whether each follows the one before. */
const drain = async (): Promise<void> => {
  let delivered = 0;
  let hash: string | undefined;
  const siem: Sink = {
    async sendAudits(events, { records }) {
      for (const [index, { id }] of events.entries()) {
        const { sequence, previousHash, hash: own } = records![index]!;
        delivered += 1;
        const follows = hash === undefined || previousHash === hash;
        if (sequence !== delivered || id !== `e${sequence}` || !follows) {
          say(`fault: record ${sequence}, ${id}, came as number ${delivered}`);
          process.exit(1);
        }
        hash = own;
      }
    },
  };
  const exporter = new SinkSpanExporter({ ledger: directory, sinks: { siem } });
  while (exporter.stats().pending > 0) await exporter.forceFlush().catch(() => {}); // 30 s each
  await exporter.shutdown();
  say(`delivered ${delivered}`);
};

void { fill, open, drain }[step]();
