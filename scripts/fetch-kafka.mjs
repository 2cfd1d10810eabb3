// Fetches what the tests of kafkaSink run against, once for each state of what says what: Apache Kafka and
// a schema registry (Apicurio, by Confluent's API) with Maven, and into a virtual environment of Python
// what reads topics back. Where one of them cannot be had, it says so: the tests that need it then show as
// skipped.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { folders, REGISTRY, sources } from './kafka/places.mjs';

fetchOnce('Apache Kafka', folders.kafka, (into) => {
  const output = `-DoutputDirectory=${into}`;
  const scope = '-DincludeScope=runtime';
  mvn('-f', join(sources, 'pom.xml'), 'dependency:copy-dependencies', scope, output);
});
fetchOnce('a schema registry', folders.registry, (into) => {
  mvn('dependency:copy', `-Dartifact=${REGISTRY}:tar.gz:all`, `-DoutputDirectory=${into}`);
  const [archive] = readdirSync(into);
  run('tar', '-xzf', join(into, archive), '-C', into);
  rmSync(join(into, archive));
});
// A virtual environment knows where it lies, so it is made in place; what it holds last tells that it is whole.
fetchOnce(
  'a reader of topics',
  folders.reader,
  (into) => {
    run('python3', '-m', 'venv', '--clear', into);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
    run(join(into, 'bin/python'), ...pip, '-r', join(sources, 'requirements.txt'));
  },
  { inPlace: join(folders.reader, 'whole') },
);

function fetchOnce(what, folder, fetch, { inPlace } = {}) {
  if (existsSync(inPlace ?? folder)) return;
  const into = inPlace === undefined ? `${folder}.${process.pid}` : folder;
  mkdirSync(into, { recursive: true });
  try {
    fetch(into);
    if (inPlace === undefined) renameSync(into, folder);
    else mkdirSync(inPlace);
  } catch (error) {
    rmSync(into, { recursive: true, force: true });
    console.warn(`no ${what.replace(/^an? /, '')} to test with: ${error.message}`);
  }
}

function mvn(...args) {
  run('mvn', '--batch-mode', '--quiet', ...args);
}

function run(command, ...args) {
  const stdio = ['ignore', 'ignore', 'inherit'];
  const { status, error } = spawnSync(command, args, { stdio });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}
