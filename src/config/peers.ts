interface Peer {
  readonly load: () => Promise<object>;
  readonly install: string;
}

/** The packages that sinks need, each with what installs it. */
const PEERS = {
  undici: { load: () => import('undici'), install: 'undici@7' },
  '@opentelemetry/otlp-transformer': {
    load: () => import('@opentelemetry/otlp-transformer') as Promise<object>,
    install: '@opentelemetry/otlp-transformer',
  },
  '@platformatic/kafka': {
    load: () => import('@platformatic/kafka') as Promise<object>,
    install: '@platformatic/kafka@1 (or @2 from Node 22.22)',
  },
} satisfies Record<string, Peer>;

/** Loads an optional peer now, so that its absence shows at the start and not at the first event. */
export async function requirePeer(name: keyof typeof PEERS): Promise<void> {
  const { load, install } = PEERS[name] as Peer;
  try {
    await load();
  } catch (cause) {
    const message = `needs the package ${name}, which cannot be loaded: npm install ${install}`;
    throw new Error(message, { cause });
  }
}
