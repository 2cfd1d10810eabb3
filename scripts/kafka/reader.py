"""Reads a topic to its end and prints a line of JSON for each record, in the order of each partition:
partition, offset, key, headers, schema (the id in front of the value, if any), and the value as event JSON with
Flipt's members. Uses nothing of the package but its schemas: librdkafka, Google's protobuf, fastavro.

    reader.py BOOTSTRAP_SERVERS TOPIC ENCODING [--framed] [--plain]

--plain gives the value as it decodes, without looking at the headers.
"""

import io
import json
import os
import sys
import tempfile
import time

from confluent_kafka import Consumer, TopicPartition

SCHEMAS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "schemas")
ACTOR = ["authentication", "ip", "email", "name", "picture"]


def protobuf_decoder():
    import grpc_tools
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf import struct_pb2, timestamp_pb2  # noqa: F401, they register themselves
    from google.protobuf.unknown_fields import UnknownFieldSet
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "set")
        include = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
        code = protoc.main(
            ["protoc", f"-I{SCHEMAS}", f"-I{include}", f"--descriptor_set_out={out}", "audit-event.proto"]
        )
        assert code == 0, "protoc failed"
        with open(out, "rb") as file:
            files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.Default()
    for file in files.file:
        pool.Add(file)
    event = message_factory.GetMessageClass(pool.FindMessageTypeByName("flipt.audit.Event"))

    def struct(value):
        return {key: any_value(one) for key, one in value.fields.items()}

    def any_value(value):
        kind = value.WhichOneof("kind")
        if kind == "struct_value":
            return struct(value.struct_value)
        if kind == "list_value":
            return [any_value(one) for one in value.list_value.values]
        if kind == "null_value":
            return None
        return number(getattr(value, kind))

    def timestamp(value):
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(value.seconds))
        digits = f"{value.nanos:09}"
        return f"{seconds}.{digits[:3] if digits.endswith('000000') else digits}Z"

    def decode(data):
        message = event.FromString(data)
        assert not UnknownFieldSet(message), "a field that the schema does not have"
        actor = {name: getattr(message.metadata.actor, name) for name in ACTOR}
        return {
            "version": message.version,
            "type": message.type,
            "action": message.action,
            "metadata": {"actor": actor},
            "payload": struct(message.payload) if message.HasField("payload") else None,
            "timestamp": timestamp(message.timestamp),
            "status": message.status if message.HasField("status") else None,
        }

    return decode


def avro_decoder():
    import fastavro

    schema = fastavro.schema.load_schema(os.path.join(SCHEMAS, "audit-event.avsc"))

    def decode(data):
        stream = io.BytesIO(data)
        event = fastavro.schemaless_reader(stream, schema)
        assert stream.read() == b"", "bytes are left over"
        payload = {key: number(value) for key, value in event.pop("payload").items()}
        return {**event, "payload": payload}

    return decode


def number(value):
    """A double as JSON has it: JavaScript prints 1, not 1.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def json_decoder():
    return lambda data: json.loads(data)


def restore(event, headers, encoding):
    """What docs/kafka.md says of the headers."""
    payload = event["payload"]
    for key in json.loads(headers.get("event-payload-json", "[]")):
        payload[key] = json.loads(payload[key])
    if "event-payload-wrapped" in headers:
        payload = payload["value"]
    event["payload"] = payload
    actor = event["metadata"]["actor"]
    actor = {key: value for key, value in (actor or {}).items() if value != ""}
    if "event-actor" in headers:
        actor = json.loads(headers["event-actor"])
    event["metadata"] = {"actor": actor} if actor else {}
    if "event-timestamp" in headers:
        event["timestamp"] = headers["event-timestamp"]
    text = {key: json.dumps(value, ensure_ascii=False, separators=(",", ":")) for key, value in event.items()}
    if "event-payload" in headers:
        text["payload"] = headers["event-payload"]
    if "event-actor" in headers:
        text["metadata"] = '{"actor":' + headers["event-actor"] + "}"
    order = ["version", "type", "action", "metadata", "payload", "timestamp", "status"]
    return "{" + ",".join(f'"{key}":{text[key]}' for key in order) + "}"


def main():
    servers, topic, encoding = sys.argv[1:4]
    framed, plain = "--framed" in sys.argv, "--plain" in sys.argv
    decode = {"protobuf": protobuf_decoder, "avro": avro_decoder, "json": json_decoder}[encoding]()
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "message.max.bytes": 10_000_000,
        }
    )
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    ends = {}
    for partition in partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
        if high > low:
            ends[partition] = high
    consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
    while ends:
        for message in consumer.consume(1000, timeout=0.1):
            if message.error():
                raise SystemExit(str(message.error()))
            data = message.value()
            schema = None
            if framed:
                assert data[0] == 0, "no magic byte"
                schema = int.from_bytes(data[1:5], "big")
                data = data[5:]
                if encoding == "protobuf":
                    assert data[:2] == b"\x02\x04", "not the third message"
                    data = data[2:]
            headers = {name: value.decode() for name, value in message.headers() or []}
            line = {
                "partition": message.partition(),
                "offset": message.offset(),
                "key": message.key().decode(),
                "headers": headers,
                "schema": schema,
            }
            if encoding == "json":
                line["event"] = data.decode()
            else:
                event = decode(data)
                if plain:
                    line["event"] = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
                else:
                    line["event"] = restore(event, headers, encoding)
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            if message.offset() + 1 >= ends.get(message.partition(), 0):
                ends.pop(message.partition(), None)
    consumer.close()


main()
