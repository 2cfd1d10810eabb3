// Builds the OpenTelemetry Collector of test/collector.
import { buildGoProgram } from './go-program.mjs';

buildGoProgram('collector', 'test/collector');
