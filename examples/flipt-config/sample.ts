import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { createEvent } from 'otel-audit';
import { AuditConfigError, createAudit } from 'otel-audit/config';
import type { Receiver } from './receiver.js';

/** What came out of a sample: lines of its log, bodies of its requests, or the reason why Flipt refuses it. */
export async function runSample(path: string, receiver: Receiver): Promise<string[]> {
  const isEnvironment = path.endsWith('.env');
  const env = isEnvironment ? { ...parseEnv(readFileSync(path, 'utf8')), ...brokers() } : {};
  try {
    const audit = await createAudit(isEnvironment ? {} : path, {
      strict: 'flipt',
      env: { ...env, FLIPT_AUDIT_LEDGER: `${path}.ledger` },
    });
    await audit.exporter.sendAudits(
      ['created', 'updated', 'deleted'].map((action) =>
        createEvent({
          type: 'flag',
          action,
          actor: { authentication: 'token', ip: '127.0.0.1' },
          payload: { key: 'new-checkout', enabled: false },
        }),
      ),
      { until: 'delivered' },
    );
    await audit.shutdown();
    return [...logLines(dirname(path)), ...receiver.take()];
  } catch (error) {
    if (error instanceof AuditConfigError) return [`refused: ${error.message}`];
    throw error;
  }
}

/** Where there is a broker, if the environment says so. */
function brokers(): Record<string, string> {
  const names = Object.entries(process.env).filter(([name]) =>
    name.startsWith('FLIPT_AUDIT_SINKS_KAFKA_'),
  );
  return Object.fromEntries(names) as Record<string, string>;
}

const seen = new Set<string>();

/** The lines of log files that were not there before. */
function logLines(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => /\.(log|txt)$/.test(file) && existsSync(file) && statSync(file).isFile());
  const fresh = files.filter((file) => !seen.has(file));
  for (const file of fresh) seen.add(file);
  return fresh.flatMap((file) => readFileSync(file, 'utf8').trimEnd().split('\n'));
}
