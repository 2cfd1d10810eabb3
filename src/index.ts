export {
  type AuditEventCatalogue,
  type AuditEventSchemas,
  type CatalogueInit,
  defineAuditEvents,
  type PayloadInput,
  type PayloadOutput,
  type StandardSchema,
  type StandardSchemaIssue,
  type StandardSchemaResult,
} from './catalogue.js';
export {
  Checker,
  type CheckerOptions,
  type EventPairChecker,
  NoOpChecker,
  type Vocabulary,
} from './checker.js';
export type { Clock, Timer } from './clock.js';
export type { DeliveryOptions } from './delivery/options.js';
export { AuditError, type AuditErrorCode, type AuditErrorOptions } from './errors.js';
export { type DecodedEvent, decodeEvent, encodeEvent } from './event/attributes.js';
export {
  type Actor,
  type AuditEvent,
  type AuditEventInit,
  createEvent,
  EVENT_VERSION,
  type EventTrace,
} from './event/event.js';
export { type EventFields, eventToJson } from './event/json.js';
export { addEventToSpan } from './event/span.js';
export { SinkSpanExporter } from './exporter/exporter.js';
export type { SinkEntry, SinkSpanExporterOptions } from './exporter/options.js';
export {
  AuditSpanProcessor,
  type AuditSpanProcessorOptions,
  type CapturingExporter,
} from './exporter/processor.js';
export type { RedactOptions } from './exporter/redact.js';
export type { ErrorContext, OnError } from './exporter/reporter.js';
export type { SpanCondition } from './exporter/rules/conditions.js';
export type { SpanOutcome } from './exporter/rules/outcome.js';
export type { SpanValue } from './exporter/rules/values.js';
export { type SpanKindName, type SpanRule, type SpanRules, spanRules } from './exporter/rules.js';
export { alwaysRecord, type Sampler, type SamplingResult } from './exporter/sampler.js';
export type { SendOptions } from './exporter/send-options.js';
export type { ExportResult, ReadableSpan, TimedEvent } from './exporter/span.js';
export type { ExporterHealth, ExporterStats, HealthProblem, SinkStats } from './exporter/stats.js';
export { auditActor } from './interceptors/actor.js';
export { type AuditedCall, withAudit } from './interceptors/around.js';
export type { AuditSender, RecordOptions } from './interceptors/record.js';
export type {
  CheckpointKey,
  CheckpointOptions,
  PublishedCheckpoint,
} from './ledger/checkpoint-options.js';
export type { LedgerOptions, RetainOptions } from './ledger/options.js';
export type { AuditReceipt } from './receipt.js';
export {
  type RecordInfo,
  type SendContext,
  type Sink,
  SinkError,
  type SinkErrorOptions,
  type SinkFault,
} from './sink.js';
