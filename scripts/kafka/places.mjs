// Where scripts/fetch-kafka.mjs puts what it fetches: under a name that changes with what is asked for.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The last version for Java 17. */
export const REGISTRY = 'io.apicurio:apicurio-registry-app:2.6.13.Final';

export const sources = dirname(fileURLToPath(import.meta.url));

const cache = join(sources, '../../node_modules/.cache/otel-audit');
const named = (name, text) =>
  join(cache, `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`);

export const folders = {
  kafka: named('kafka', readFileSync(join(sources, 'pom.xml'))),
  registry: named('registry', REGISTRY),
  reader: named('reader', readFileSync(join(sources, 'requirements.txt'))),
};
