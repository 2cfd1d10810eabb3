import { messageOf } from '../errors.js';
import type { SinkEntry, SinkSpanExporterOptions } from '../exporter/options.js';
import type { RedactOptions } from '../exporter/redact.js';
import { type SpanRules, spanRules } from '../exporter/rules.js';
import type { CheckpointOptions } from '../ledger/checkpoint-options.js';
import { type LedgerOptions, resolveLedgerOptions } from '../ledger/options.js';
import type { Sink } from '../sink.js';
import { type Audit, CLOUD_KEY, checkAcross, checkerOf } from './checks.js';
import { commonDelivery, webhookDelivery } from './delivery.js';
import {
  AuditConfigError,
  addUnlessTold,
  type ConfigFault,
  errorOf,
  type Faults,
  isWithin,
} from './fault.js';
import { loadConfig } from './load.js';
import { SINKS, type SinkName } from './sinks.js';
import { type FliptFault, fliptFault } from './strict.js';
import type { Environment } from './substitution.js';

type OnCheckpoint = NonNullable<CheckpointOptions['onCheckpoint']>;

/** Where a configuration comes from and how it is read. */
export interface PlanOptions {
  /** What errors call it. */
  readonly origin: string;
  readonly isFile: boolean;
  readonly strict: boolean;
  readonly env: Environment;
  /** Names of sinks that code has taken. */
  readonly taken: readonly string[];
  /** Publishes checkpoints, where the file has some made. */
  readonly onCheckpoint?: OnCheckpoint | undefined;
}

/** What an exporter is made with. */
export interface Plan {
  readonly options: SinkSpanExporterOptions;
  readonly remarks: readonly string[];
  /** What the exporter says of an option, said of the key in the file; any other error as it is. */
  explain(error: unknown): unknown;
  /** Closes the sinks, where no exporter came to do so. */
  close(): Promise<void>;
}

/** @throws {AuditConfigError} naming every fault; in strict mode the first. */
export async function planAudit(given: unknown, options: PlanOptions): Promise<Plan> {
  const { origin, strict, env, isFile, taken, onCheckpoint } = options;
  const loaded = loadConfig(given, { env, strict });
  const { settings, secrets, faults } = loaded;
  const audit = settings.audit ?? {};
  if (strict) {
    throwFirst(fliptFault(loaded), secrets);
    faults.length = 0; // what is left does not matter to Flipt
  } else
    checkAcross(settings, (path) => faults.some((fault) => isWithin(fault.path, path)), faults);

  const sinks = new Map<SinkName, Sink>();
  const close = async () => {
    await Promise.allSettled([...sinks.values()].map((sink) => sink.close?.()));
  };
  for (const name of namesOf(audit)) {
    const path = `audit.sinks.${name}`;
    try {
      if (taken.includes(name)) throw new Error('is also the name of a sink made in code');
      // It is made even where something else is wrong with it, so that this is told at once too.
      sinks.set(name, await SINKS[name](settings));
    } catch (error) {
      addUnlessTold(faults, placed(path, messageOf(error)));
    }
  }
  const entries: [string, SinkEntry][] = [...sinks].map(([name, sink]) => [
    name,
    entryOf(name, sink, audit, strict, faults),
  ]);
  // Flipt makes no checker where it makes no sink.
  const told: Faults = strict && sinks.size === 0 ? [] : faults;
  const checker = checkerOf('audit.events', audit.events, audit, strict, told);
  const ledger = ledgerOf(audit, isFile, onCheckpoint, faults);
  const rules = rulesOf(audit, faults);
  if (faults.length === 0 && ledger === undefined && entries.length + taken.length === 0) {
    faults.push({ path: 'audit', message: 'names neither a ledger nor a sink that is enabled' });
  }
  if (faults.length > 0) {
    await close();
    const first = faults[0]!;
    if (strict) throwFirst({ ...first, isFlipts: first.path.endsWith('events') }, secrets);
    throw errorOf(
      origin,
      faults.map((fault) => hidden(fault, secrets)),
    );
  }
  return {
    options: {
      sinks: Object.fromEntries(entries),
      ...present({
        checker,
        ledger,
        rules,
        redact: redactOf(audit),
        maxEventBytes: audit.maxEventBytes,
      }),
      delivery: commonDelivery(audit, strict),
    },
    remarks: [...loaded.remarks, ...remarksOn(audit)],
    explain(error) {
      const match = EXPORTER_FAULT.exec(messageOf(error));
      if (match === null) return error;
      const [, path = '', message = ''] = match;
      return errorOf(origin, [hidden({ path: `audit.${path}`, message }, secrets)]);
    },
    close,
  };
}

/** Options that only the exporter can judge. */
const EXPORTER_FAULT = /^SinkSpanExporter: (redact\S*?):? (.*)$/s;

/** The sinks that are enabled, in the order in which Flipt makes them. */
function namesOf(audit: Audit): SinkName[] {
  const names: SinkName[] = ['log', 'webhook', 'cloud', 'kafka', 'otlp'];
  return names.filter((name) => audit.sinks?.[name]?.enabled);
}

function entryOf(
  name: SinkName,
  sink: Sink,
  audit: Audit,
  strict: boolean,
  faults: Faults,
): SinkEntry {
  const { events, startAt, delivery } = audit.sinks?.[name] ?? {};
  const checker =
    events === undefined
      ? undefined
      : checkerOf(`audit.sinks.${name}.events`, events, audit, strict, faults);
  return {
    sink,
    ...present({
      checker,
      startAt: startAt || undefined,
      delivery: name === 'webhook' ? webhookDelivery(audit) : delivery,
    }),
  };
}

const DEFAULT_LEDGER = './audit';

function ledgerOf(
  { ledger }: Audit,
  isFile: boolean,
  onCheckpoint: OnCheckpoint | undefined,
  faults: Faults,
): LedgerOptions | undefined {
  if (ledger === false || (ledger === undefined && !isFile)) return undefined;
  const { checkpoint, directory, ...others } = typeof ledger === 'object' ? ledger : {};
  const options: LedgerOptions = {
    ...others,
    directory: directory || (typeof ledger === 'string' && ledger) || DEFAULT_LEDGER,
    ...(checkpoint && { checkpoint: { ...checkpoint, key: pemOf(checkpoint.key), onCheckpoint } }),
  };
  try {
    resolveLedgerOptions('audit.ledger', options);
  } catch (error) {
    const [, path = 'audit.ledger', message] = LEDGER_FAULT.exec(messageOf(error)) ?? [];
    addUnlessTold(faults, { path, message: message ?? messageOf(error) });
  }
  return options;
}

const LEDGER_FAULT = /^SinkSpanExporter: (audit\.ledger[\w.]*):? (.*)$/s;

/** Many tools keep a variable on one line. */
function pemOf(key: string): string {
  return key.includes('\n') ? key : key.replaceAll('\\n', '\n');
}

function rulesOf({ rules }: Audit, faults: Faults): SpanRules | undefined {
  if (rules === undefined) return undefined;
  try {
    return spanRules(rules);
  } catch (error) {
    const [, place = '', message] = RULE_FAULT.exec(messageOf(error)) ?? [];
    addUnlessTold(faults, { path: `audit.rules${place}`, message: message ?? messageOf(error) });
    return undefined;
  }
}

/** Attributes have dots, so a place may hold a name in quotes. */
const RULE_FAULT = /^spanRules: rules((?:\[\d+\]|\["[^"]*"\]|\.\w+)*) (.*)$/s;

function redactOf({ redact }: Audit): RedactOptions | undefined {
  if (redact === undefined) return undefined;
  const { paths, mode, key } = redact;
  return { paths, mode, ...present({ key: key || undefined }) };
}

/** What is odd and loads all the same, for it does in Flipt. */
function remarksOn({ sinks = {} }: Audit): string[] {
  const idle = Object.entries(sinks).filter(
    ([, sink]) => sink !== undefined && sink.enabled === undefined && Object.keys(sink).length > 0,
  );
  const remarks = idle.map(([name]) => `audit.sinks.${name} is not enabled: enabled is left out`);
  const { enabled, templates, signing_secret } = sinks.webhook ?? {};
  if (enabled && templates?.length && signing_secret) {
    remarks.push('audit.sinks.webhook.signing_secret signs nothing: templates are not signed');
  }
  return remarks;
}

/** Options that are called otherwise in a file. */
const FLIPTS_NAMES = {
  signingSecret: 'signing_secret',
  bootstrapServers: 'bootstrap_servers',
  schemaRegistry: 'schema_registry',
  requireTls: 'require_tls',
  insecureSkipTls: 'insecure_skip_tls',
};

/** What a factory says of `webhookSink.signingSecret` is said of the key in the file. */
function placed(path: string, message: string): ConfigFault {
  if (message === CLOUD_KEY) return { path: 'cloud.authentication.api_key', message };
  const match = /^(\w+)Sink\.?(\S*) (.*)$/s.exec(message);
  if (match === null) return { path, message };
  const [, , member, fault] = match;
  const key = Object.entries(FLIPTS_NAMES).reduce(
    (name, [ours, flipts]) => name.replace(ours, flipts),
    member!,
  );
  if (path === 'audit.sinks.cloud' && member === 'host')
    return { path: 'cloud.host', message: fault! };
  return { path: key === '' ? path : `${path}.${key}`, message: fault! };
}

/** What Flipt says is said as it says it; for the rest the place is needed. */
function throwFirst(fault: FliptFault | undefined, secrets: ReadonlySet<string>): void {
  if (fault === undefined) return;
  const shown = hidden(fault, secrets);
  const { path, message } = shown;
  throw new AuditConfigError(fault.isFlipts ? message : `${path} ${message}`.trimStart(), [shown]);
}

const LEAST_SECRET = 3; // a shorter one would only make the message unreadable

/** Nothing that a factory quotes may be a secret. */
function hidden({ path, message }: ConfigFault, secrets: ReadonlySet<string>): ConfigFault {
  const forms = [...secrets].filter(({ length }) => length >= LEAST_SECRET).flatMap(formsOf);
  forms.sort((a, b) => b.length - a.length); // one may begin another, of which a part would stay
  const shown = forms.reduce((text, form) => text.replaceAll(form, '[secret]'), message);
  return { path, message: shown };
}

/** As it is, and as messages and URLs write it. */
function formsOf(secret: string): string[] {
  const text = secret.toWellFormed(); // or it could not be encoded
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURI(text), encodeURIComponent(text)];
}

type Present<Members> = { [Key in keyof Members]?: Exclude<Members[Key], undefined> };

function present<Members extends object>(members: Members): Present<Members> {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Present<Members>;
}
