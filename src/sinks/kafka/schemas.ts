/** How a record's value is written. */
export type KafkaEncoding = 'protobuf' | 'avro' | 'json';

/** What a schema registry is told; the files in `schemas/` say the same, and a test holds them together. */
export interface Schema {
  readonly schemaType: 'PROTOBUF' | 'AVRO' | 'JSON';
  readonly schema: string;
}

const PROTOBUF = [
  '// An audit event as otel-audit and Flipt write it to Kafka.',
  'syntax = "proto3";',
  '',
  'package flipt.audit;',
  '',
  'import "google/protobuf/struct.proto";',
  'import "google/protobuf/timestamp.proto";',
  '',
  'message Actor {',
  '  string authentication = 1;',
  '  string ip = 2;',
  '  string email = 3;',
  '  string name = 4;',
  '  string picture = 5;',
  '}',
  '',
  'message Metadata {',
  '  optional Actor actor = 1;',
  '}',
  '',
  'message Event {',
  '  string version = 1;',
  '  string type = 2;',
  '  string action = 3;',
  '  Metadata metadata = 4;',
  '  optional google.protobuf.Struct payload = 5;',
  '  google.protobuf.Timestamp timestamp = 6;',
  '  optional string status = 7;',
  '}',
  '',
].join('\n');

const AVRO =
  '{"type":"record","name":"event","fields":[{"name":"version","type":"string"},{"name":"type","type":"string"},{"name":"action","type":"string"},{"name":"metadata","type":{"type":"record","name":"metadata","fields":[{"name":"actor","type":["null",{"type":"record","name":"actor","fields":[{"name":"authentication","type":"string"},{"name":"ip","type":"string"},{"name":"email","type":"string"},{"name":"name","type":"string"},{"name":"picture","type":"string"}]}]}]}},{"name":"timestamp","type":"string"},{"name":"status","type":"string"},{"name":"payload","type":{"type":"map","values":["null","string","int","boolean","float","double",{"type":"map","values":["null","string","int","boolean","float","double"]}]}}]}';

const JSON_SCHEMA =
  '{"$schema":"http://json-schema.org/draft-07/schema#","title":"event","type":"object","properties":{"version":{"type":"string"},"type":{"type":"string"},"action":{"type":"string"},"metadata":{"type":"object","properties":{"actor":{"type":"object"}}},"payload":{},"timestamp":{"type":"string","format":"date-time"},"status":{"type":"string"},"id":{"type":"string"},"trace":{"type":"object","properties":{"traceId":{"type":"string"},"spanId":{"type":"string"},"traceFlags":{"type":"integer"}}}},"required":["version","type","action","metadata","payload","timestamp","status","id"]}';

export const SCHEMAS: Readonly<Record<KafkaEncoding, Schema>> = {
  protobuf: { schemaType: 'PROTOBUF', schema: PROTOBUF },
  avro: { schemaType: 'AVRO', schema: AVRO },
  json: { schemaType: 'JSON', schema: JSON_SCHEMA },
};
