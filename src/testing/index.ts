export {
  type Audited,
  type AuditedEvent,
  type AuditMatchers,
  toHaveAudited,
} from './matcher.js';
export {
  type MemoryProvider,
  type MemoryProviderOptions,
  memoryProvider,
  type ProviderClass,
} from './memory-provider.js';
export { type RecordingSink, recordingSink } from './recording-sink.js';
export {
  type SinkFixture,
  type SinkSuiteOptions,
  type SuiteNeed,
  type SuiteRunner,
  type SuiteTest,
  sinkSuite,
} from './sink-suite.js';
