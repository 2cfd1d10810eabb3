import { createEvent, SinkSpanExporter } from 'otel-audit';
import { webhookSink } from 'otel-audit/sinks/webhook';

/** Sends three events to a receiver and forges one; returns how many forged ones it refused. */
export async function drive(url: string, secret: string): Promise<number> {
  const sink = webhookSink({ url, standardWebhooks: { secrets: [secret] }, mode: 'batch' });
  const exporter = new SinkSpanExporter({ sinks: { receiver: sink } });
  const events = ['created', 'updated', 'deleted'].map((action) =>
    createEvent({ type: 'flag', action, payload: { key: 'new-checkout' } }),
  );
  await exporter.sendAudits(events, { until: 'delivered' });
  await exporter.shutdown();

  const forged = await fetch(url, {
    method: 'POST',
    headers: {
      'webhook-id': 'forged',
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': `v1,${'A'.repeat(43)}=`,
    },
    body: '{"type":"flag","action":"deleted"}',
  });
  return forged.status === 401 ? 1 : 0;
}
