import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { root, run } from '../package/packed.js';
import { describeWithOwnBroker } from '../sinks/kafka/broker.js';

describeWithOwnBroker('npm run kafka', () => {
  it('starts Kafka and a service, and prints each event once', () => {
    const folder = mkdtempSync(join(tmpdir(), 'otel-audit-example-'));
    process.env.AUDIT_LEDGER = join(folder, 'audit');
    try {
      const example = ['--tsconfig', 'examples/tsconfig.json', 'examples/kafka/main.ts'];
      const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
      const { stdout } = run(process.execPath, [tsx, ...example], { cwd: root });
      expect(stdout.match(/^\d+:\d+ flag .*"payload":\{"key":"flag-\d"/gm)).toHaveLength(5);
      expect(stdout).toMatch(/^events in the topic {2}5$/m);
    } finally {
      delete process.env.AUDIT_LEDGER;
      rmSync(folder, { recursive: true });
    }
  });
});
