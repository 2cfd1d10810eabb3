import type { Tracer, TracerOptions, TracerProvider } from '@opentelemetry/api';

/** A tracer provider in front of another, which can be exchanged: tracers that were made before go along. */
export class SwitchingProvider implements TracerProvider {
  #current: TracerProvider;

  constructor(first: TracerProvider) {
    this.#current = first;
  }

  switchTo(provider: TracerProvider): void {
    this.#current = provider;
  }

  getTracer(name: string, version?: string, options?: TracerOptions): Tracer {
    let provider: TracerProvider | undefined;
    let tracer: Tracer | undefined;
    const current = (): Tracer => {
      if (tracer === undefined || provider !== this.#current) {
        provider = this.#current;
        tracer = provider.getTracer(name, version, options);
      }
      return tracer;
    };
    return {
      startSpan: (...args) => current().startSpan(...args),
      startActiveSpan: (...args: unknown[]) =>
        (current().startActiveSpan as (...args: unknown[]) => never)(...args),
    };
  }
}
