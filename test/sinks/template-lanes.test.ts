import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Clock, systemClock } from '../../src/clock.js';
import { createEvent } from '../../src/event/event.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { type RequestTemplate, templateSink } from '../../src/sinks/template.js';
import { answer, type FarSide, farSide } from '../support/far-side.js';

const body = '{"id": "{{ .Payload }}"}';
/** Each once, for delivery is at least once. */
const idsAt = (side: FarSide) => [
  ...new Set(side.seen.map((seen) => JSON.parse(seen.body).id as string)),
];

let folder: string;
let chat: FarSide;
let pager: FarSide;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'template-lanes-'));
  [chat, pager] = [await farSide(), await farSide()];
});
afterEach(async () => {
  await chat.close();
  await pager.close();
  rmSync(folder, { recursive: true, force: true });
});

/** One whose time is short: nobody waits ten seconds for a far side that stays down. */
const hasty: Clock = {
  ...systemClock,
  schedule: (work, ms) => systemClock.schedule(work, ms / 50),
};

/** A process with this ledger: records the ids, delivers what it can, ends. */
async function run(templates: readonly RequestTemplate[], ...ids: string[]): Promise<string[]> {
  const exporter = new SinkSpanExporter({
    sinks: { hook: templateSink({ templates }) },
    ledger: join(folder, 'audit'),
    delivery: { maxDelayMs: 1 },
    clock: hasty,
  });
  await exporter.sendAudits(
    ids.map((id) => createEvent({ type: 'a', action: 'b', payload: id, id })),
  );
  const lanes = Object.keys(exporter.stats().sinks);
  await exporter.shutdown().catch(() => {}); // one of them may refuse
  return lanes;
}

describe('several templates over one ledger', () => {
  it('are delivered each by itself, after a restart too', async () => {
    const templates = [
      { url: chat.url, body },
      { url: pager.url, body },
    ];
    pager.answer = answer(401);
    expect(await run(templates, 'first')).toEqual(['hook', 'hook-2']);
    pager.answer = answer(200);
    pager.seen.length = 0;
    await run(templates, 'second');
    expect(idsAt(chat)).toEqual(['first', 'second']);
    expect(idsAt(pager)).toEqual(['first', 'second']);
  });

  it('keep their places by their names when the list is put into another order', async () => {
    const named = {
      chat: { name: 'chat', url: chat.url, body },
      pager: { name: 'pager', url: pager.url, body },
    };
    pager.answer = answer(401);
    expect(await run([named.chat, named.pager], 'first')).toEqual(['hook-chat', 'hook-pager']);
    pager.answer = answer(200);
    pager.seen.length = 0;
    await run([named.pager, named.chat], 'second');
    expect(idsAt(pager)).toEqual(['first', 'second']);
    expect(await run([named.pager], 'third')).toEqual(['hook-pager']);
    expect(idsAt(chat)).toEqual(['first', 'second']);
    expect(idsAt(pager)).toEqual(['first', 'second', 'third']);
  });
});
