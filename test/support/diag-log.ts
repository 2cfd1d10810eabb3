import { afterEach, beforeEach } from '@jest/globals';
import { DiagLogLevel, diag } from '@opentelemetry/api';

/** What was said through `diag` in the current test; nothing of it reaches the console. */
export function diagLog(): { readonly lines: string[] } {
  const log: { lines: string[] } = { lines: [] };
  const write =
    (level: string) =>
    (message: string): void => {
      log.lines.push(`${level} ${message}`);
    };
  beforeEach(() => {
    log.lines = [];
    diag.setLogger(
      {
        error: write('error'),
        warn: write('warn'),
        info: write('info'),
        debug: () => {},
        verbose: () => {},
      },
      { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true },
    );
  });
  afterEach(() => diag.disable());
  return log;
}
