import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { eventToJson, type Sink } from 'otel-audit';
import { startTracing, type Tracing } from './tracing.js';

/** The service, listening. */
export interface Service extends Pick<Tracing, 'exporter' | 'owed' | 'receipts'> {
  readonly url: string;
  /** Answers what is under way, then delivers what is waiting, and stops. */
  stop(): Promise<void>;
}

/** Starts tracing first, then the app. Port 0 is any free one. */
export async function startService(options: {
  readonly ledger: string;
  readonly file: string;
  readonly port: number;
}): Promise<Service> {
  const { ledger, file } = options;
  const tracing = startTracing({ ledger, file, screen: screenSink });
  const { createApp } = await import('./app.js'); // after the instrumentation is in place
  const server = createApp(tracing.record).listen(options.port, '127.0.0.1');
  try {
    await once(server, 'listening'); // a taken port rejects here
  } catch (error) {
    await tracing.shutdown();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    exporter: tracing.exporter,
    owed: tracing.owed,
    receipts: tracing.receipts,
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.close();
      server.closeIdleConnections();
      await once(server, 'close');
      await tracing.shutdown();
    },
  };
}

/** A sink is this small: what it is sent, it prints. */
const screenSink: Sink = {
  async sendAudits(events) {
    for (const event of events) console.log(eventToJson(event));
  },
};
