import type { Parsed } from './options.js';
import { UsageError } from './usage.js';

/** @throws {UsageError} unless the folder, and nothing else, was given */
export function directoryOf(parsed: Parsed, synopsis: string): string {
  return argumentsOf(parsed, synopsis, 1)[0]!;
}

/**
 * The words that stand behind a command.
 *
 * @param most by default as many as must be there
 * @throws {UsageError} for too few or too many
 */
export function argumentsOf(
  { positionals }: Parsed,
  synopsis: string,
  least: number,
  most = least,
): readonly string[] {
  if (positionals.length >= least && positionals.length <= most) return positionals;
  const [name, ...words] = synopsis.split(' ');
  throw new UsageError(
    `${name} takes ${words.join(' ')}; otel-audit ${name} --help tells more of it`,
  );
}
