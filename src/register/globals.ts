import {
  type ContextManager,
  context,
  propagation,
  type TextMapPropagator,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';

/** What an SDK registers with OpenTelemetry's API. */
export interface Globals {
  readonly provider: TracerProvider;
  readonly contextManager?: ContextManager | undefined;
  readonly propagator?: TextMapPropagator | undefined;
}

/** Where every copy of the API, 1.0 to 1.10, keeps what is registered. */
const API = Symbol.for('opentelemetry.js.api.1');

type Registered = { [type: string]: unknown };

const scope = globalThis as { [API]?: Registered };

/** The tracer provider that is registered, if one is. */
export function registeredProvider(): unknown {
  const registered = scope[API]?.trace as { getDelegate?(): unknown } | undefined;
  return typeof registered?.getDelegate === 'function' ? registered.getDelegate() : registered;
}

/**
 * Registers what gives way to any other that is registered later, where the API would refuse the second: an
 * SDK may still come, and it knows what it is doing.
 *
 * The API asks whether something is registered right after it has set its own global anew, and nobody else
 * sets it: only then it hears that nothing is.
 *
 * @param replaced told of the provider that comes in the place of this one
 * @returns whether the provider is registered
 */
export function registerReplaceably(
  { provider, contextManager, propagator }: Globals,
  replaced: (provider: TracerProvider) => void,
): boolean {
  const soft = new Set<string>();
  if (trace.setGlobalTracerProvider(provider)) soft.add('trace');
  if (contextManager !== undefined && scope[API]?.context === undefined) {
    if (context.setGlobalContextManager(contextManager)) soft.add('context');
  }
  if (propagator !== undefined && scope[API]?.propagation === undefined) {
    if (propagation.setGlobalPropagator(propagator)) soft.add('propagation');
  }
  const registered = scope[API];
  if (registered === undefined || !soft.has('trace')) return false;

  let isRegistering = false;
  Object.defineProperty(scope, API, {
    configurable: true,
    get() {
      isRegistering = false;
      return registered;
    },
    set(value: Registered) {
      if (value === registered) isRegistering = true;
      else Object.defineProperty(scope, API, plain(value));
    },
  });
  for (const type of soft) {
    const value = registered[type];
    Object.defineProperty(registered, type, {
      configurable: true,
      enumerable: true,
      get: () => (isRegistering ? undefined : value),
      set(next: unknown) {
        Object.defineProperty(registered, type, plain(next));
        soft.delete(type);
        if (soft.size === 0) Object.defineProperty(scope, API, plain(registered));
        if (type === 'trace') whenDelegated(next, replaced);
      },
    });
  }
  return true;
}

/** What is registered is a proxy, which is told the provider itself a moment later. */
function whenDelegated(registered: unknown, told: (provider: TracerProvider) => void): void {
  const proxy = registered as { setDelegate?(provider: TracerProvider): void };
  if (typeof proxy.setDelegate !== 'function') {
    told(registered as TracerProvider);
    return;
  }
  proxy.setDelegate = (provider) => {
    Reflect.deleteProperty(proxy, 'setDelegate'); // its class has one
    proxy.setDelegate?.(provider);
    told(provider);
  };
}

function plain(value: unknown): PropertyDescriptor {
  return { value, configurable: true, enumerable: true, writable: true };
}
