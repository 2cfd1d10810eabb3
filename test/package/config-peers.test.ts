import { afterAll, describe, expect, it } from '@jest/globals';
import { Project } from './packed.js';

const API = '@opentelemetry/api';
/** A project that has these packages beside ours, and a program that prints why createAudit failed. */
function projectWith(...packages: readonly string[]): Project {
  const project = new Project({}); // copies, for from a link its neighbours could be found
  for (const name of [API, ...packages]) project.copy(name);
  return project.write({
    'log.json': '{"audit":{"sinks":{"log":{"enabled":true,"file":"out.jsonl"}}}}',
    'log.yaml': 'audit: { sinks: { log: { enabled: true, file: out.jsonl } } }\n',
    'webhook.json': '{"audit":{"sinks":{"webhook":{"enabled":true,"url":"http://localhost:1"}}}}',
    'kafka.json':
      '{"audit":{"sinks":{"kafka":{"enabled":true,"topic":"t","bootstrap_servers":["a:1"]}}}}',
    'otlp.json': '{"audit":{"sinks":{"otlp":{"enabled":true},"log":{"enable":true}}}}',
    'esm.mjs': `import { AuditConfigError, createAudit } from 'otel-audit/config';\n${PROGRAM}`,
    'cjs.cjs': `const { AuditConfigError, createAudit } = require('otel-audit/config');\n${PROGRAM}`,
  });
}

const PROGRAM = `
createAudit(process.argv[2], { env: {} }).then(
  async (audit) => { console.log('wired'); await audit.shutdown(); },
  (error) => console.log(error instanceof AuditConfigError, error.message));
`;

const projects = {
  nothing: projectWith(),
  zod: projectWith('zod'),
  yaml: projectWith('zod', 'yaml'),
  undici: projectWith('zod', 'undici'),
};
afterAll(() => {
  for (const project of Object.values(projects)) project.remove();
});

describe.each(['esm.mjs', 'cjs.cjs'])('createAudit in %s', (program) => {
  const outcome = (project: Project, file: string) => project.node(program, file).stdout.trim();

  it('names zod where it is not installed', () => {
    expect(outcome(projects.nothing, 'log.json')).toMatch(
      /^true createAudit needs the package zod, .*: npm install zod@4$/,
    );
  });

  it('needs nothing else for JSON and the log sink', () => {
    expect(outcome(projects.zod, 'log.json')).toBe('wired');
  });

  it('names yaml where it is not installed', () => {
    expect(outcome(projects.zod, 'log.yaml')).toMatch(
      /^true .*log\.yaml cannot be read without the package yaml: npm install yaml@2$/,
    );
    expect(outcome(projects.yaml, 'log.yaml')).toBe('wired');
  });

  it('names the package that a sink needs, beside every other fault', () => {
    expect(outcome(projects.zod, 'webhook.json')).toMatch(
      /audit\.sinks\.webhook needs the package undici, .*: npm install undici@7$/,
    );
    expect(outcome(projects.undici, 'webhook.json')).toBe('wired');
    expect(outcome(projects.zod, 'kafka.json')).toMatch(
      /audit\.sinks\.kafka needs the package @platformatic\/kafka, .*: npm install @platformatic\/kafka@1 \(/,
    );
    expect(outcome(projects.undici, 'otlp.json')).toMatch(
      /audit\.sinks\.log\.enable is not known[\s\S]*audit\.sinks\.otlp needs the package @opentelemetry\/otlp-transformer, /,
    );
  });
});
