import type { SinkSpanExporterOptions } from '../exporter/options.js';
import { loadPlan } from './load-plan.js';
import { readConfigFile } from './reading.js';
import type { Environment } from './substitution.js';

/** The sinks that a configuration names, made, and how it has them delivered to. */
export interface ConfiguredSinks extends Pick<SinkSpanExporterOptions, 'sinks' | 'delivery'> {
  /** Closes the sinks, where no exporter came to do so. */
  close(): Promise<void>;
}

/**
 * Makes the sinks of a configuration file without opening its ledger.
 *
 * @param who needs them, for errors
 * @throws {AuditConfigError} naming every fault of the file
 */
export async function configuredSinks(
  path: string,
  who: string,
  env: Environment,
): Promise<ConfiguredSinks> {
  const { planAudit } = await loadPlan(who);
  const { options, close } = await planAudit(await readConfigFile(path), {
    origin: path,
    isFile: true,
    strict: false,
    env,
    taken: [],
  });
  const { sinks, delivery } = options;
  return { sinks, delivery, close };
}
