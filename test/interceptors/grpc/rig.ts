import * as grpc from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { context, propagation, trace } from '@opentelemetry/api';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import {
  BatchSpanProcessor,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { AuditEvent } from '../../../src/event/event.js';
import { SinkSpanExporter } from '../../../src/exporter/exporter.js';
import { AuditSpanProcessor } from '../../../src/exporter/processor.js';
import type { Sink } from '../../../src/sink.js';

/** Messages are JSON here: what they are made of is not what is tested. */
export interface Thing {
  readonly key?: string;
  readonly [member: string]: unknown;
}

const toBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const fromBytes = (bytes: Buffer): Thing => JSON.parse(bytes.toString());

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Things/${name}`,
  requestStream,
  responseStream,
  requestSerialize: toBytes,
  requestDeserialize: fromBytes,
  responseSerialize: toBytes,
  responseDeserialize: fromBytes,
});

export const things = {
  one: method('One', false, false),
  take: method('Take', true, false),
  give: method('Give', false, true),
  talk: method('Talk', true, true),
};

/** A handler, by what it takes and gives. */
export interface Handlers {
  readonly one?: grpc.handleUnaryCall<Thing, Thing>;
  readonly take?: grpc.handleClientStreamingCall<Thing, Thing>;
  readonly give?: grpc.handleServerStreamingCall<Thing, Thing>;
  readonly talk?: grpc.handleBidiStreamingCall<Thing, Thing>;
}

const ThingsClient = grpc.makeGenericClientConstructor(things, 'Things');

export interface ThingsClient extends grpc.Client {
  one(
    request: Thing,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    callback: grpc.requestCallback<Thing>,
  ): grpc.ClientUnaryCall;
  take(
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    callback: grpc.requestCallback<Thing>,
  ): grpc.ClientWritableStream<Thing>;
  give(
    request: Thing,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
  ): grpc.ClientReadableStream<Thing>;
  talk(metadata: grpc.Metadata, options: grpc.CallOptions): grpc.ClientDuplexStream<Thing, Thing>;
}

/** What a client gets in the end: a code, and what was said. */
export interface Answer {
  readonly code: number;
  readonly details: string;
  readonly messages: readonly unknown[];
}

export interface Ask {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly options?: grpc.CallOptions;
  /** Given the call once it was made. */
  readonly started?: (call: grpc.ClientUnaryCall | grpc.ClientReadableStream<Thing>) => void;
}

/** A server that listens and a client of it. */
export interface Running {
  readonly port: number;
  readonly server: grpc.Server;
  readonly client: ThingsClient;
  /** Makes a call and resolves with its end, whatever it is; a stream of requests is two of them. */
  ask(name: keyof typeof things, ask?: Ask): Promise<Answer>;
}

export interface GrpcRig {
  /** Everything recorded so far, once everything under way has come through. */
  events(): Promise<readonly AuditEvent[]>;
  /** Resolves once there are so many events. */
  count(count: number): Promise<void>;
  exporter: SinkSpanExporter;
  spans: InMemorySpanExporter;
  start(interceptors: grpc.ServerInterceptor[], handlers: Handlers): Promise<Running>;
  /** A server of any service on a free port. */
  serve(server: grpc.Server): Promise<number>;
}

export interface RigOptions {
  /** Whether the gRPC instrumentation makes spans. Default: true. */
  readonly instrumented?: boolean;
  /** Whether events are captured as they are added, or read from the spans that have ended. */
  readonly by?: 'processor' | 'span end';
}

/**
 * Real tracing, a real server and a real client for the tests of a file. The instrumentation patches modules
 * as they are required, which Jest does in its own way, so it is handed the module.
 */
export function grpcRig({ instrumented = true, by = 'processor' }: RigOptions = {}): GrpcRig {
  const instrumentation = new GrpcInstrumentation();
  const [definition] = instrumentation.init();
  const servers: grpc.Server[] = [];
  const clients: grpc.Client[] = [];
  let provider: NodeTracerProvider;
  let received: AuditEvent[] = [];
  let onEvents: () => void = () => {};
  const sink: Sink = {
    async sendAudits(events) {
      received.push(...events);
      onEvents();
    },
  };
  const rig: GrpcRig = {
    exporter: undefined as unknown as SinkSpanExporter,
    spans: new InMemorySpanExporter(),
    async events() {
      await provider.forceFlush();
      await rig.exporter.forceFlush();
      return received;
    },
    count: (count) =>
      new Promise((resolve) => {
        onEvents = () => {
          if (received.length >= count) resolve();
        };
        onEvents();
      }),
    async serve(server) {
      servers.push(server);
      return new Promise((resolve, reject) => {
        server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
          error === null ? resolve(port) : reject(error),
        );
      });
    },
    async start(interceptors, handlers) {
      const server = new grpc.Server({ interceptors });
      server.addService(things, handlers as grpc.UntypedServiceImplementation);
      const port = await rig.serve(server);
      const client = new ThingsClient(
        `127.0.0.1:${port}`,
        grpc.credentials.createInsecure(),
      ) as unknown as ThingsClient;
      clients.push(client);
      return { port, server, client, ask: (name, ask) => askOf(client, name, ask) };
    },
  };

  beforeAll(() => {
    if (instrumented) definition!.patch!(grpc, '');
    rig.exporter = new SinkSpanExporter({
      sinks: { test: sink },
      delivery: { maxDelayMs: 1 },
    });
    provider = new NodeTracerProvider({
      spanProcessors: [
        by === 'processor'
          ? new AuditSpanProcessor(rig.exporter)
          : new BatchSpanProcessor(rig.exporter),
        new SimpleSpanProcessor(rig.spans),
      ],
    });
    provider.register();
    instrumentation.setTracerProvider(provider);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const server of servers.splice(0)) {
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
        server.forceShutdown();
      });
    }
    await rig.events(); // what is under way is this test's
    received = [];
    rig.spans.reset();
  });
  afterAll(async () => {
    if (instrumented) definition!.unpatch!(grpc, '');
    await provider.shutdown();
    trace.disable();
    context.disable();
    propagation.disable();
  });
  return rig;
}

function askOf(
  client: ThingsClient,
  name: keyof typeof things,
  { metadata = {}, options = {}, started = () => {} }: Ask = {},
): Promise<Answer> {
  const sent = grpc.Metadata.fromHttp2Headers({ ...metadata });
  const request = { key: 'a' };
  return new Promise((resolve) => {
    const messages: unknown[] = [];
    const done: grpc.requestCallback<Thing> = (error, value) =>
      error === null
        ? resolve({ code: 0, details: 'OK', messages: [value] })
        : resolve({ code: error.code, details: error.details, messages });
    if (name === 'one') return started(client.one(request, sent, options, done));
    if (name === 'take') {
      const call = client.take(sent, options, done);
      started(call as unknown as grpc.ClientUnaryCall);
      call.write(request);
      call.write({ key: 'b' });
      call.end();
      return;
    }
    const call = name === 'give' ? client.give(request, sent, options) : client.talk(sent, options);
    call.on('data', (message) => messages.push(message));
    call.on('error', () => {});
    call.on('status', ({ code, details }) => resolve({ code, details, messages }));
    started(call);
    if (name === 'talk') {
      const talk = call as grpc.ClientDuplexStream<Thing, Thing>;
      talk.write(request);
      talk.write({ key: 'b' });
      talk.end();
    }
  });
}

/** An error as a handler answers with one. */
export const failure = (code: number, details = 'secret'): grpc.ServiceError =>
  Object.assign(new Error(details), { code, details, metadata: new grpc.Metadata() });

/** A promise, and what resolves it. */
export function gate<Value = void>(): {
  readonly opened: Promise<Value>;
  open(value: Value): void;
} {
  let open: (value: Value) => void = () => {};
  const opened = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { opened, open: (value) => open(value) };
}

/** An event in short: `flag:created success {"key":"a"}`. */
export const brief = ({ type, action, status, payload }: AuditEvent): string =>
  `${type}:${action} ${status}${payload === undefined ? '' : ` ${JSON.stringify(payload)}`}`;
