import { expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { describeWithOwnBroker, newTopic, readTopic, useOwnBroker } from '../sinks/kafka/broker.js';
import { configRig } from './support.js';

const rig = configRig();

describeWithOwnBroker('Flipt’s Kafka sample', () => {
  const broker = useOwnBroker();

  it('produces to a broker, with schemas from a registry, TLS and a login', async () => {
    const { saslTls, ca, username, password, registry } = broker.addresses;
    const topic = newTopic();
    const { exporter } = await rig.create(
      { audit: { ledger: 'kept', sinks: { kafka: { createTopic: true, ca } } } },
      {
        strict: 'flipt',
        env: {
          FLIPT_AUDIT_SINKS_KAFKA_ENABLED: 'true',
          FLIPT_AUDIT_SINKS_KAFKA_TOPIC: topic,
          FLIPT_AUDIT_SINKS_KAFKA_ENCODING: 'avro',
          FLIPT_AUDIT_SINKS_KAFKA_BOOTSTRAP_SERVERS: saslTls,
          FLIPT_AUDIT_SINKS_KAFKA_REQUIRE_TLS: 'true',
          FLIPT_AUDIT_SINKS_KAFKA_AUTHENTICATION_USERNAME: username,
          FLIPT_AUDIT_SINKS_KAFKA_AUTHENTICATION_PASSWORD: '${PASSWORD}',
          FLIPT_AUDIT_SINKS_KAFKA_SCHEMA_REGISTRY_URL: registry,
          PASSWORD: password,
        },
      },
    );
    const event = createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } });
    await exporter.sendAudits([event], { until: 'delivered' });
    const { bootstrapServers } = broker.addresses;
    const [record] = await readTopic(bootstrapServers, topic, 'avro', '--framed');
    expect(record).toMatchObject({ key: 'flag', headers: { 'event-id': event.id } });
    expect(JSON.parse(record!.event)).toMatchObject({ type: 'flag', payload: { key: 'a' } });
  });
});
