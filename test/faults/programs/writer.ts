// Holds a ledger until its standard input ends, and records what it is told to, one id a line.
import { createInterface } from 'node:readline';
import { type AuditError, SinkSpanExporter } from '../../../src/index.js';
import { logSink } from '../../../src/sinks/log.js';
import { eventNamed, input, say } from './library.js';

export interface WriterInput {
  readonly directory: string;
  readonly file: string;
}

async function main(): Promise<void> {
  const { directory, file } = input<WriterInput>();
  let exporter: SinkSpanExporter;
  try {
    exporter = new SinkSpanExporter({ ledger: directory, sinks: { file: logSink({ file }) } });
  } catch (error) {
    const { code, message } = error as AuditError;
    say(`refused ${code} ${message}`);
    return;
  }
  say(`open ${process.pid}`);
  for await (const id of createInterface({ input: process.stdin })) {
    try {
      const [receipt] = await exporter.sendAudits([eventNamed(id)]);
      say(`ack ${id} ${receipt!.sequence}`);
    } catch (error) {
      say(`failed ${id} ${(error as AuditError).code}`);
    }
  }
  await exporter.shutdown().catch((error: Error) => say(`fault ${error.message}`));
}

void main();
