// What rules cost spans that none of them matches: the whole life of a span as HTTP and database
// instrumentations make them, under a processor whose exporter has rules and under one whose has none.
import { join } from 'node:path';
import { SpanKind } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { AuditSpanProcessor, SinkSpanExporter, spanRules } from 'otel-audit';
import { withFolder } from './folders.mjs';
import { Goal } from './harness.mjs';

const NOUNS = [
  'flag',
  'segment',
  'variant',
  'constraint',
  'rule',
  'distribution',
  'rollout',
  'token',
];
const VERBS = { POST: 'created', PUT: 'updated', DELETE: 'deleted' };

/** As an application of some size has them: 24 by route, 24 by method, one by table and one by path. */
const RULES = spanRules([
  ...NOUNS.flatMap((noun) =>
    Object.entries(VERBS).flatMap(([method, action]) => [
      {
        match: { 'http.request.method': method, 'http.route': `/api/v1/${noun}s/:key` },
        type: noun,
        action,
        actor: { name: { attribute: 'enduser.id' } },
      },
      {
        match: { 'rpc.service': 'flipt.Flipt', 'rpc.method': `${method}${noun}` },
        type: noun,
        action,
      },
    ]),
  ),
  { match: { 'db.collection.name': 'accounts' }, type: 'account', action: 'written' },
  { match: { 'url.path': { pattern: '/admin/**' } }, type: 'admin', action: 'visited' },
]);

/** Spans that no rule matches, each near to some of them. */
const SPANS = {
  'HTTP server': [
    SpanKind.SERVER,
    {
      'http.request.method': 'POST',
      'url.scheme': 'https',
      'server.address': 'flags.example',
      'network.peer.address': '192.0.2.1',
      'network.peer.port': 40_000,
      'network.protocol.version': '1.1',
      'user_agent.original': 'curl/8.5.0',
      'url.path': '/api/v1/evaluate',
    },
    { 'http.route': '/api/v1/evaluate', 'http.response.status_code': 200 },
  ],
  database: [
    SpanKind.CLIENT,
    { 'db.system.name': 'postgresql', 'db.namespace': 'flags', 'server.address': 'db.example' },
    { 'db.operation.name': 'SELECT', 'db.collection.name': 'flags' },
  ],
};

/** A round alternates between both in slices this short, so that what disturbs one disturbs the other. */
const SLICE = 1000;

export function rules({ rounds, scale }) {
  return withFolder(async (folder) => {
    const goals = [];
    for (const [what, span] of Object.entries(SPANS)) {
      const ruled = providing(join(folder, `${what}-ruled`), RULES);
      const plain = providing(join(folder, `${what}-plain`));
      const round = () => {
        const spent = { ruled: 0, plain: 0 };
        for (let slice = 0; slice < Math.round(100 * scale); slice += 1) {
          const first = slice % 2 === 0;
          spent.ruled += first ? cpu(() => live(ruled.tracer, span)) : 0;
          spent.plain += cpu(() => live(plain.tracer, span));
          spent.ruled += first ? 0 : cpu(() => live(ruled.tracer, span));
        }
        return spent.ruled / spent.plain;
      };
      round(); // warm up
      const values = Array.from({ length: rounds }, round);
      await ruled.close();
      await plain.close();
      goals.push(
        new Goal(`a span that none of 50 rules matches, ${what}, CPU against no rules`, values, {
          atMost: 1.1,
        }),
      );
    }
    return goals;
  });
}

/** Microseconds of CPU. */
function cpu(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function live(tracer, [kind, attributes, atEnd]) {
  for (let n = 0; n < SLICE; n += 1) {
    const span = tracer.startSpan('request', { kind, attributes });
    span.setAttributes(atEnd);
    span.end();
  }
}

function providing(directory, rules) {
  const exporter = new SinkSpanExporter({ ledger: directory, sinks: {}, rules });
  const provider = new BasicTracerProvider({ spanProcessors: [new AuditSpanProcessor(exporter)] });
  return {
    tracer: provider.getTracer('bench'),
    async close() {
      if (exporter.stats().emitted > 0) throw new Error('a rule matched');
      await provider.shutdown();
    },
  };
}
