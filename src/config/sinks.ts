import type { Sink } from '../sink.js';
import { requirePeer } from './peers.js';
import type { Settings } from './schema.js';

type Sinks = NonNullable<NonNullable<Settings['audit']>['sinks']>;
/** The sinks that a configuration can name. */
export type SinkName = keyof Sinks;

/** Makes a sink; throws what its factory throws, or names the package that it lacks. */
export type MakeSink = (settings: Settings) => Promise<Sink>;

/** What is not set, or empty as in Flipt, is left to the factory. */
function given<Members extends object>(members: Members): Present<Members> {
  const entries = Object.entries(members).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  return Object.fromEntries(entries) as Present<Members>;
}
type Present<Members> = { [Key in keyof Members]?: Exclude<Members[Key], undefined | ''> };

/** The one place that knows every sink. Each is loaded only where it is configured. */
export const SINKS: Readonly<Record<SinkName, MakeSink>> = {
  async log({ audit, log: server }) {
    const { logSink } = await import('../sinks/log.js');
    const { file, encoding, fields, reopenOnSighup } = audit?.sinks?.log ?? {};
    return logSink(
      given({ file, encoding: encoding || server?.encoding || 'console', fields, reopenOnSighup }),
    );
  },

  async webhook({ audit }) {
    await requirePeer('undici');
    const settings = audit?.sinks?.webhook ?? {};
    const { concurrency, headers, mode, fields, standardWebhooks } = settings;
    if (!settings.url) {
      const { templateSink } = await import('../sinks/template.js');
      const templates = (settings.templates ?? []).map(
        ({ url = '', body = '', headers, name }) => ({
          url,
          body,
          ...given({ headers, name }),
        }),
      );
      return templateSink({ templates, ...given({ concurrency }) });
    }
    const { webhookSink } = await import('../sinks/webhook.js');
    const { url, signing_secret: signingSecret } = settings;
    return webhookSink({
      url,
      ...given({ signingSecret, standardWebhooks, headers, mode, concurrency, fields }),
    });
  },

  async cloud({ audit, cloud: account }) {
    await requirePeer('undici');
    const { cloudSink } = await import('../sinks/cloud.js');
    const { concurrency } = audit?.sinks?.cloud ?? {};
    const apiKey = account?.authentication?.api_key ?? '';
    return cloudSink({ apiKey, ...given({ host: account?.host, concurrency }) });
  },

  async otlp({ audit }) {
    await requirePeer('undici');
    await requirePeer('@opentelemetry/otlp-transformer');
    const { otlpSink } = await import('../sinks/otlp.js');
    const { url, headers, encoding, compression } = audit?.sinks?.otlp ?? {};
    return otlpSink(given({ url, headers, encoding, compression }));
  },

  async kafka({ audit }) {
    await requirePeer('@platformatic/kafka');
    const settings = audit?.sinks?.kafka ?? {};
    const {
      encoding,
      authentication: login = {},
      schema_registry: registry,
      createTopic,
    } = settings;
    if (registry?.url) await requirePeer('undici');
    const { kafkaSink } = await import('../sinks/kafka.js');
    const { username = '', password = '', mechanism } = login;
    return kafkaSink({
      topic: settings.topic ?? '',
      bootstrapServers: settings.bootstrap_servers ?? [],
      ...given({
        encoding,
        createTopic,
        schemaRegistry: registry?.url ? { url: registry.url } : undefined,
        requireTls: settings.require_tls,
        insecureSkipTls: settings.insecure_skip_tls,
        ca: settings.ca,
        authentication:
          username || password ? { username, password, ...given({ mechanism }) } : undefined,
      }),
    });
  },
};
