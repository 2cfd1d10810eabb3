import type { CommandOptions, Parsed } from './options.js';
import type { Terminal } from './terminal.js';

/** How a command ended; what the shell sees. */
export const EXIT = { fine: 0, broken: 1, usage: 2 } as const;

export interface CommandContext {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The package's. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** For what must end in order at Ctrl-C; a command that does not ask ends at once, as any program. */
  readonly interruption: () => AbortSignal;
  /** Asks a person and returns the answer; undefined where nobody is there to be asked. */
  readonly ask: (question: string) => Promise<string | undefined>;
}

/** One of the things that `otel-audit` does. */
export interface Command {
  readonly name: string;
  /** In a line. */
  readonly summary: string;
  /** What stands behind `otel-audit <name>`. */
  readonly synopsis: string;
  /** What `--help` says besides, options included. */
  readonly help: string;
  /** One that a person would type, without `otel-audit`. */
  readonly example: string;
  readonly options: CommandOptions;
  /** @returns the exit code */
  run(parsed: Parsed, context: CommandContext): Promise<number>;
}
