export { type RecordingSink, recordingSink } from './recording-sink.js';
export {
  type SinkFixture,
  type SinkSuiteOptions,
  type SuiteNeed,
  type SuiteRunner,
  type SuiteTest,
  sinkSuite,
} from './sink-suite.js';
