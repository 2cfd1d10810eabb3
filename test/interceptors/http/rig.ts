import { once } from 'node:events';
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { context, trace } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { AuditEvent } from '../../../src/event/event.js';
import { SinkSpanExporter } from '../../../src/exporter/exporter.js';
import { AuditSpanProcessor } from '../../../src/exporter/processor.js';
import type { Sink } from '../../../src/sink.js';
import type { AnyOptions, Framework, Stage } from './frameworks.js';

/** A body that a test lets out part by part. */
export interface Play extends Stage {
  /** Resolves once a handler is waiting, or has sent its first part. */
  readonly waiting: Promise<void>;
  release(): void;
  fail(error: Error): void;
}

export function play(): Play {
  let enter = (): void => {};
  let release = (): void => {};
  let fail = (_error: Error): void => {};
  const waiting = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const go = new Promise<void>((resolve, reject) => {
    release = resolve;
    fail = reject;
  });
  go.catch(() => {});
  return {
    entered: () => enter(),
    go,
    waiting,
    release: () => release(),
    fail: (error) => fail(error),
    async *parts() {
      yield Buffer.from('first ');
      enter();
      await go;
      yield Buffer.from('second');
    },
  };
}

/** A service that listens, traced by the HTTP instrumentation. */
export interface Running {
  readonly port: number;
  readonly url: string;
  readonly stage: Play;
  readonly server: Server;
  /** Resolves when the server sees the next answer's end, of whatever kind. */
  nextClose(): Promise<void>;
  /** Resolves once what a handler does in the next few turns is done. */
  settled(): Promise<void>;
  /** Sends text on a connection of its own. */
  raw(text: string): Promise<Socket>;
}

export interface HttpRig {
  /** Everything recorded so far, once everything under way has come through. */
  events(): Promise<readonly AuditEvent[]>;
  /** Resolves once there are so many events. */
  count(count: number): Promise<void>;
  exporter: SinkSpanExporter;
  /** The server spans that have ended. */
  spans: InMemorySpanExporter;
  /** Whether calls get spans. */
  trace(on: boolean): void;
  start(framework: Framework, options: AnyOptions): Promise<Running>;
}

/**
 * Real tracing for the tests of a file. The instrumentation patches modules as they are required, which Jest
 * does in its own way, so it is handed the module.
 *
 * @param by whether events are captured as they are added, or read from the spans that have ended
 */
export function httpRig(by: 'processor' | 'span end' = 'processor'): HttpRig {
  const instrumentation = new HttpInstrumentation();
  const [, definition] = instrumentation.init();
  const servers: Server[] = [];
  let provider: NodeTracerProvider;
  let received: AuditEvent[] = [];
  let onEvents: () => void = () => {};
  const sink: Sink = {
    async sendAudits(events) {
      received.push(...events);
      onEvents();
    },
  };
  const rig: HttpRig = {
    exporter: undefined as unknown as SinkSpanExporter,
    spans: new InMemorySpanExporter(),
    async events() {
      await provider.forceFlush();
      return received;
    },
    count: (count) =>
      new Promise((resolve) => {
        onEvents = () => {
          if (received.length >= count) resolve();
        };
        onEvents();
      }),
    trace(on) {
      if (on) definition!.patch!(http, '');
      else definition!.unpatch!(http, '');
    },
    async start(framework, options) {
      const stage = play();
      const server = await framework(options, stage);
      servers.push(server);
      let onClose: () => void = () => {};
      server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
        response.once('close', () => onClose());
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      return {
        port,
        url: `http://127.0.0.1:${port}`,
        stage,
        server,
        nextClose: () =>
          new Promise((resolve) => {
            onClose = resolve;
          }),
        async settled() {
          // A request through the whole of the server takes longer than what was under way.
          for (let n = 0; n < 3; n += 1)
            await (await fetch(`http://127.0.0.1:${port}/none`)).text();
        },
        async raw(text) {
          const socket = connect(port, '127.0.0.1');
          socket.on('error', () => {}); // it is torn off on purpose
          await once(socket, 'connect');
          socket.write(text);
          return socket;
        },
      };
    },
  };

  beforeAll(() => {
    rig.trace(true);
    rig.exporter = new SinkSpanExporter({
      sinks: { test: sink },
      delivery: { maxDelayMs: 1 },
    });
    provider = new NodeTracerProvider({
      spanProcessors: [
        by === 'processor'
          ? new AuditSpanProcessor(rig.exporter)
          : new SimpleSpanProcessor(rig.exporter),
        new SimpleSpanProcessor(rig.spans),
      ],
    });
    provider.register();
    instrumentation.setTracerProvider(provider);
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
    received = [];
    rig.spans.reset();
  });
  afterAll(async () => {
    rig.trace(false);
    await provider.shutdown();
    trace.disable();
    context.disable();
  });
  return rig;
}

/** An event in short: `flag:created success {"key":"a"}`. */
export const brief = ({ type, action, status, payload }: AuditEvent): string =>
  `${type}:${action} ${status}${payload === undefined ? '' : ` ${JSON.stringify(payload)}`}`;

/** A request without a body, as text. */
export const post = (path: string, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nhost: here\r\n${more}content-length: 0\r\n\r\n`;
