// Records with checkpoints until it is killed or done, or verifies what it recorded; its heap is bounded
// from outside.
import { verifyLedger } from '../../../src/evidence/index.js';
import { SinkSpanExporter } from '../../../src/index.js';
import { eventNamed, input, say } from './library.js';

export interface EvidenceInput {
  readonly directory: string;
  readonly step: 'record' | 'verify';
  /** To record in all. */
  readonly records: number;
  /** PEM: the private key to record, the public one to verify. */
  readonly key: string;
  readonly everyRecords: number;
  readonly full: boolean;
}

const { directory, step, records: count, key, everyRecords, full } = input<EvidenceInput>();
const AT_ONCE = 512;

/** Prints each published checkpoint, on one line, and at the end how many were recorded. */
const record = async (): Promise<void> => {
  const exporter = new SinkSpanExporter({
    ledger: {
      directory,
      maxSegmentBytes: 2 ** 20,
      checkpoint: {
        origin: 'audit.example/faults',
        key,
        everyRecords,
        onCheckpoint: ({ note }) => say(`note ${JSON.stringify(note)}`),
      },
    },
    sinks: {},
  });
  const run = Date.now();
  for (let n = 0; n < count; n += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - n);
    await exporter.sendAudits(
      Array.from({ length }, (_, i) => eventNamed(`e${run}-${n + i}`, ((n + i) * 7) % 90)),
    );
  }
  await exporter.shutdown();
  say(`recorded ${count}`);
};

const verify = async (): Promise<void> => {
  const { ok, fault, records } = await verifyLedger(directory, { publicKey: key, full });
  say(`${ok ? 'whole' : JSON.stringify(fault)} ${records}`);
};

void { record, verify }[step]();
