import type { ByteSink } from './byte-sink.js';
import type { JsonSource } from './json-source.js';

/**
 * Writes a string's content, its escapes undone, in UTF-8. False where half a character stood alone, which
 * UTF-8 cannot say: it becomes U+FFFD.
 */
export function decodeString(
  source: JsonSource,
  sink: ByteSink,
  from: number,
  to: number,
): boolean {
  const text = JSON.parse(`"${source.text(from, to)}"`) as string;
  sink.text(text);
  return text.isWellFormed();
}
