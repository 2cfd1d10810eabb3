import { isMainThread } from 'node:worker_threads';
import { ProxyTracerProvider, type TracerProvider } from '@opentelemetry/api';
import { Burst } from '../burst.js';
import { systemClock } from '../clock.js';
import { type Audit, createAudit } from '../config/index.js';
import { AuditError, messageOf } from '../errors.js';
import type { ErrorContext } from '../exporter/reporter.js';
import { refuseRequire } from './flags.js';
import { registeredProvider, registerReplaceably } from './globals.js';
import { joinProvider } from './join.js';
import { makeProvider } from './own-provider.js';
import { SwitchingProvider } from './switching-provider.js';

refuseRequire();

const STARTED = Symbol.for('otel-audit.register');
const scope = globalThis as { [STARTED]?: Promise<void> };
const VARIABLE = 'OTEL_AUDIT_CONFIG';
/** How long an SDK may take to come before somebody is told that none has. */
const PATIENCE_MS = 10_000;

/**
 * Gives the process an audit trail from the file that `OTEL_AUDIT_CONFIG` names (see `createAudit`). Under
 * Node importing this module does it: `node --import otel-audit/register app.js`.
 *
 * It joins the tracer provider that is registered already, such as that of a `NodeSDK`, and any that comes
 * later. Until one does, a provider of the SDK that is installed stands in, which exports nothing but audit
 * events. The exporter is shut down on `beforeExit`, and with the provider that it has joined.
 *
 * What goes wrong later is a warning of the process, `OtelAuditWarning`.
 *
 * @returns the same promise at every call
 * @throws {AuditError} `invalid-option` without `OTEL_AUDIT_CONFIG`, and what `createAudit` throws
 */
export function register(): Promise<void> {
  scope[STARTED] ??= start();
  return scope[STARTED];
}

async function start(): Promise<void> {
  const audit = await openAudit();
  if (audit === undefined) return;
  process.once('beforeExit', () => {
    audit.shutdown().catch((error: unknown) => warn(messageOf(error)));
  });
  const join = (provider: unknown) => {
    const fault = joinProvider(provider, audit.spanProcessor);
    if (fault !== undefined) warn(fault);
  };
  const present = registeredProvider();
  if (present !== undefined) {
    join(present);
    return;
  }
  const own = makeProvider();
  if (own !== undefined) join(own.provider);
  const provider = new SwitchingProvider(own?.provider ?? new ProxyTracerProvider());
  let isAlone = own === undefined;
  const isRegistered = registerReplaceably({ ...own, provider }, (replacing: TracerProvider) => {
    isAlone = false;
    join(replacing);
    provider.switchTo(replacing);
  });
  if (!isRegistered) {
    warn(NOT_REGISTERED);
    return;
  }
  if (own !== undefined && own.contextManager === undefined) warn(NO_CONTEXT);
  if (!isAlone) return;
  const tell = () => {
    if (isAlone) warn(NO_PROVIDER);
    isAlone = false;
  };
  systemClock.schedule(tell, PATIENCE_MS);
  process.once('beforeExit', tell);
}

const NO_PROVIDER =
  'there is no tracer provider, so no audit event of a span is recorded: install an SDK (npm install @opentelemetry/sdk-trace-node), or start one';
const NOT_REGISTERED =
  'no tracer provider can be registered, so no audit event of a span is recorded: another version of @opentelemetry/api is in use in this process; have one (npm ls @opentelemetry/api)';
const NO_CONTEXT =
  'spans do not know their parents, and addEventToSpan finds no active span: npm install @opentelemetry/context-async-hooks';

async function openAudit(): Promise<Audit | undefined> {
  const path = process.env[VARIABLE];
  if (path === undefined || path === '') {
    throw new AuditError(
      'invalid-option',
      `otel-audit/register: the variable ${VARIABLE} must name the configuration, such as audit.yaml`,
    );
  }
  try {
    // The sampler stays the provider's own, which may well read it.
    const env = { ...process.env, OTEL_TRACES_SAMPLER: undefined };
    return await createAudit(path, { env, onError: warnOf });
  } catch (error) {
    // What the process was started with, its worker threads are too.
    if (isMainThread || !(error instanceof AuditError) || error.code !== 'ledger-locked')
      throw error;
    warn(
      `a worker thread has no audit trail, for another has the ledger: set slots: true in ${path}`,
    );
    return undefined;
  }
}

const bursts = new Map<string, Burst>();

/** Nobody who starts an application by a flag has given `diag` a logger: that something is wrong must show. */
function warnOf({ code, message }: AuditError, { sink = '' }: ErrorContext): void {
  const subject = `${code} ${sink}`;
  let burst = bursts.get(subject);
  if (burst === undefined) {
    burst = new Burst(systemClock, warn);
    bursts.set(subject, burst);
  }
  burst.add(sink === '' ? message : `sink ${sink}: ${message}`);
}

function warn(message: string): void {
  process.emitWarning(`otel-audit/register: ${message}`, 'OtelAuditWarning');
}
