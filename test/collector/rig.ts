import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../package/packed.js';

/** The built Collector (scripts/build-collector.mjs), or undefined where there is none. */
export function findCollector(): string | undefined {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) {
    hash.update(readFileSync(join(root, 'test/collector', file)));
  }
  const name = `collector-${hash.digest('hex').slice(0, 16)}`;
  const path = join(root, 'node_modules/.cache/otel-audit', name);
  return existsSync(path) ? path : undefined;
}

/** A real OpenTelemetry Collector that takes OTLP at `/v1/audit`. */
export class Collector {
  readonly url: string;
  readonly #binary: string;
  readonly #config: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  /** Starts one that writes what it takes to a file or, given a URL, posts it there as JSON. */
  static async start(binary: string, forwardTo?: string): Promise<Collector> {
    const collector = new Collector(binary, await freePort(), forwardTo);
    await collector.start();
    return collector;
  }

  private constructor(binary: string, port: number, forwardTo: string | undefined) {
    this.#binary = binary;
    this.#folder = mkdtempSync(join(tmpdir(), 'otel-audit-collector-'));
    this.url = `http://127.0.0.1:${port}/v1/audit`;
    this.#config = join(this.#folder, 'config.yaml');
    const exporter =
      forwardTo === undefined
        ? // With rotation it writes at once; without it a killed Collector loses what it had taken.
          { file: { path: this.#output, rotation: {} } }
        : {
            otlphttp: {
              logs_endpoint: forwardTo,
              encoding: 'json',
              compression: 'none',
              sending_queue: { enabled: false },
              retry_on_failure: { enabled: false },
            },
          };
    const config = {
      receivers: {
        otlp: {
          protocols: { http: { endpoint: `127.0.0.1:${port}`, logs_url_path: '/v1/audit' } },
        },
      },
      exporters: exporter,
      service: {
        telemetry: { metrics: { level: 'none' } },
        pipelines: { logs: { receivers: ['otlp'], exporters: Object.keys(exporter) } },
      },
    };
    writeFileSync(this.#config, JSON.stringify(config)); // JSON is YAML
  }

  get #output(): string {
    return join(this.#folder, 'audit.jsonl');
  }

  async start(): Promise<void> {
    const child = spawn(this.#binary, [`--config=file:${this.#config}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', () => reject(new Error(`the Collector ended:\n${said.join('\n')}`)));
      createInterface(child.stderr!).on('line', (line) => {
        said.push(line);
        if (line.includes('Everything is ready')) resolve();
      });
    });
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** The OTLP requests that it wrote to its file. */
  requests(): string[] {
    if (!existsSync(this.#output)) return [];
    // Killed between a request and its line feed, it goes on behind it.
    const text = readFileSync(this.#output, 'utf8').replaceAll(
      '}{"resourceLogs"',
      '}\n{"resourceLogs"',
    );
    return text.split('\n').filter((line) => line !== '');
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('there is no free port');
  return address.port;
}
