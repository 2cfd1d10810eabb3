import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.js';
import { warn } from '../diagnostics.js';
import { AuditError } from '../errors.js';
import { SinkSpanExporter } from '../exporter/exporter.js';
import type { SinkEntry } from '../exporter/options.js';
import { AuditSpanProcessor } from '../exporter/processor.js';
import type { OnError } from '../exporter/reporter.js';
import { alwaysRecord, type Sampler } from '../exporter/sampler.js';
import type { CheckpointOptions } from '../ledger/checkpoint-options.js';
import type { Sink } from '../sink.js';
import { AuditConfigError } from './fault.js';
import { loadPlan } from './load-plan.js';
import { readConfigFile } from './reading.js';
import { parentBasedAlwaysOn } from './sampler.js';
import type { AuditConfig } from './schema.js';
import type { Environment } from './substitution.js';

/** What {@link createAudit} takes beside the configuration. */
export interface CreateAuditOptions {
  /**
   * `flipt`: Flipt's limits, defaults and error texts, and only the first fault; keys that are not known,
   * and variables that are not set, count for nothing.
   */
  readonly strict?: 'flipt' | undefined;
  /** Where `FLIPT_…` and the variables of expressions are looked up. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The sampler that you have. Default: an SDK's own, `parentbased_always_on`. */
  readonly sampler?: Sampler | undefined;
  /** Sinks made in code, beside those of the configuration. */
  readonly sinks?: Readonly<Record<string, Sink | SinkEntry>> | undefined;
  /** Publishes the checkpoints that `audit.ledger.checkpoint` has made; as of `SinkSpanExporter`. */
  readonly onCheckpoint?: CheckpointOptions['onCheckpoint'];
  /** As of `SinkSpanExporter`. */
  readonly onError?: OnError | undefined;
  /** As of `SinkSpanExporter`. */
  readonly clock?: Clock | undefined;
  /** As of `SinkSpanExporter`. */
  readonly random?: (() => number) | undefined;
}

/** An audit trail, wired up: what a tracer provider is given, and what ends it. */
export interface Audit {
  readonly exporter: SinkSpanExporter;
  /** Goes first among the provider's processors. */
  readonly spanProcessor: AuditSpanProcessor;
  /** The provider's sampler: samples what the given one does, and has every other span recorded. */
  readonly sampler: Sampler;
  /** The exporter's; the provider's own shutdown calls it too. */
  shutdown(): Promise<void>;
}

/**
 * Sets up an audit trail from a file, YAML or JSON by its name, or from the same as an object. It takes
 * Flipt's `audit:` section as it is, with additions of ours; `docs/configuration.md` lists all keys.
 * `FLIPT_…` variables go before what the file says. Relative paths count from the process's working
 * directory. With a file that names no ledger, the ledger is `./audit`. Needs the package `zod`, and for
 * YAML `yaml`.
 *
 * @throws {AuditConfigError} (`invalid-option`) naming every fault, its path and what is allowed.
 * @throws {AuditError} what `new SinkSpanExporter` throws, such as `ledger-locked`.
 * @example
 * const audit = await createAudit('audit.yaml');
 * const provider = new NodeTracerProvider({
 *   sampler: audit.sampler,
 *   spanProcessors: [audit.spanProcessor],
 * });
 */
export async function createAudit(
  source: string | URL | AuditConfig,
  options: CreateAuditOptions = {},
): Promise<Audit> {
  const {
    strict,
    env = process.env,
    sampler,
    sinks = {},
    onCheckpoint,
    ...rest
  } = requireKnown(options);
  const recorded = alwaysRecord(sampler ?? parentBasedAlwaysOn);
  const path = pathOf(source);
  const { planAudit } = await loadPlan('createAudit');
  const plan = await planAudit(path === undefined ? source : await readConfigFile(path), {
    origin: path ?? 'the configuration',
    isFile: path !== undefined,
    strict: strict === 'flipt',
    env: env as Environment,
    taken: Object.keys(sinks),
    onCheckpoint,
  });
  for (const remark of plan.remarks) warn(`createAudit: ${remark}`);
  if (sampler === undefined && env.OTEL_TRACES_SAMPLER) {
    warn('createAudit: OTEL_TRACES_SAMPLER is not read; pass the option sampler');
  }
  try {
    const exporter = new SinkSpanExporter({
      ...rest,
      ...plan.options,
      sinks: { ...plan.options.sinks, ...sinks },
    });
    return {
      exporter,
      spanProcessor: new AuditSpanProcessor(exporter),
      sampler: recorded,
      shutdown: () => exporter.shutdown(),
    };
  } catch (error) {
    await plan.close();
    throw plan.explain(error);
  }
}

const OPTIONS = ['strict', 'env', 'sampler', 'sinks', 'onCheckpoint', 'onError', 'clock', 'random'];

function requireKnown(options: CreateAuditOptions): CreateAuditOptions {
  if (typeof options !== 'object' || options === null) {
    throw new AuditError('invalid-option', 'createAudit: options must be an object');
  }
  const unknown = Object.keys(options).find((key) => !OPTIONS.includes(key));
  if (unknown !== undefined) {
    const known = OPTIONS.join(', ');
    throw new AuditError('invalid-option', `createAudit has no option ${unknown}; it has ${known}`);
  }
  if (options.strict !== undefined && options.strict !== 'flipt') {
    throw new AuditError('invalid-option', "createAudit: strict must be 'flipt'");
  }
  return options;
}

function pathOf(source: unknown): string | undefined {
  if (source instanceof URL) return fileURLToPath(source);
  if (typeof source === 'string') return source;
  if (typeof source === 'object' && source !== null && !Array.isArray(source)) return undefined;
  const message = 'createAudit takes the path of a file, or an object with audit in it';
  throw new AuditConfigError(message, [{ path: '', message }]);
}
