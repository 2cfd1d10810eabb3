import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { eventToJson, type RecordInfo, type Sink } from 'otel-audit';
import { startTracing, type Tracing } from './tracing.js';

/** The service, listening. */
export interface Service extends Pick<Tracing, 'exporter' | 'owed'> {
  readonly url: string;
  /** Where in the ledger is what the screen has shown: as much as a receipt says. */
  readonly shown: readonly RecordInfo[];
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
  const shown: RecordInfo[] = []; // a demo remembers them, a service would not
  const tracing = startTracing({ ledger, file, screen: screenSink(shown) });
  const { createApp } = await import('./app.js'); // after the instrumentation is in place
  const server = createApp().listen(options.port, '127.0.0.1');
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
    shown,
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
const screenSink = (shown: RecordInfo[]): Sink => ({
  async sendAudits(events, { records = [] }) {
    for (const event of events) console.log(eventToJson(event));
    shown.push(...records);
  },
});
