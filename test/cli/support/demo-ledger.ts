import { createPrivateKey, createPublicKey } from 'node:crypto';
import { systemClock } from '../../../src/clock.js';
import { type AuditEventInit, createEvent } from '../../../src/event/event.js';
import { SinkSpanExporter } from '../../../src/exporter/exporter.js';
import type { CheckpointOptions } from '../../../src/ledger/checkpoint-options.js';
import { type Sink, SinkError } from '../../../src/sink.js';

// PKCS#8 of Ed25519 (RFC 8410) and a seed: the same signatures each time.
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const secret = createPrivateKey({
  key: Buffer.concat([PKCS8, Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
});

/** The key that signs the demo's checkpoints, in PEM. */
export const DEMO_KEY = {
  secret: secret.export({ format: 'pem', type: 'pkcs8' }) as string,
  public: createPublicKey(secret).export({ format: 'pem', type: 'spki' }) as string,
};

const START = Date.UTC(2026, 10, 23, 8);
const PEOPLE = ['ada@example.com', 'grace@example.com', 'linus@example.com'];

/**
 * A ledger of a small shop over two days, the same to the byte each time but for its UUID: 40 records, a
 * dead letter of the sink `webhook`, a sink `warehouse` that is behind, two checkpoints.
 */
export async function makeDemoLedger(directory: string): Promise<void> {
  let now = START;
  const clock = { ...systemClock, now: () => now };
  const checkpoint: CheckpointOptions = { origin: 'audit.example.com/shop', key: DEMO_KEY.secret };
  const record = async (sinks: Record<string, Sink>, numbers: readonly number[]) => {
    const exporter = new SinkSpanExporter({
      ledger: { directory, checkpoint, maxSegmentBytes: 8192 },
      sinks,
      clock,
      delivery: { maxDelayMs: 0 },
    });
    for (const n of numbers) {
      now = START + n * 63 * 60_000;
      await exporter
        .sendAudits([createEvent(demoEvent(n, now - 5))], { until: 'delivered' })
        .catch(() => {}); // a dead letter
    }
    await exporter.shutdown();
  };
  await record({ webhook, warehouse: stored }, range(0, 30));
  await record({ webhook }, range(30, 40));
}

const stored: Sink = { async sendAudits() {} };
const webhook: Sink = {
  async sendAudits(events) {
    if (events.some(({ type, status }) => type === 'payment' && status === 'failed')) {
      throw new SinkError('event', 'HTTP 422: "amount" must be positive');
    }
  },
};

function demoEvent(n: number, time: number): AuditEventInit {
  const who = PEOPLE[n % 7 === 3 ? 2 : n % 2]!;
  const actor = { authentication: 'oidc', ip: `203.0.113.${(n % 9) + 1}`, email: who };
  const common = {
    id: `0b8f5d1c-6a55-4c9e-9d00-${String(n + 1).padStart(12, '0')}`,
    timestamp: new Date(time).toISOString(),
    actor,
  };
  if (n === 17) {
    const payload = { order: 'A-1017', amount: -5, currency: 'EUR' };
    return { ...common, type: 'payment', action: 'refunded', status: 'failed', payload };
  }
  if (n % 7 === 3) {
    const payload = { reason: 'role viewer may not delete', key: 'checkout' };
    return { ...common, type: 'flag', action: 'deleted', status: 'denied', payload };
  }
  if (n % 5 === 4) {
    const payload = { email: `new${n}@example.com`, role: 'editor' };
    return { ...common, type: 'member', action: 'invited', payload };
  }
  const key = n % 3 === 0 ? 'checkout' : 'search';
  const before = { key, enabled: false, rollout: 10 };
  const after = { key, enabled: true, rollout: 10 + n };
  return { ...common, type: 'flag', action: 'updated', payload: { before, after } };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
