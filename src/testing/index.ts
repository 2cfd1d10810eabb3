export { type RecordingSink, recordingSink } from './recording-sink.js';
export { type SinkFixture, type SuiteRunner, sinkSuite } from './sink-suite.js';
