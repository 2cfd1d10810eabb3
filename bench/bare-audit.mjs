// The least that any audit log can do for an event that is to be whole, chained and on disk: make a line, hash it,
// write it at once, and sync it within 10 ms. No ids that are checked, no lock, no limits, no sinks, no faults.
import { hash, randomUUID } from 'node:crypto';
import { fdatasync, openSync, writeSync } from 'node:fs';

export class BareAudit {
  #fd;
  #previousHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  #sequence = 0;
  #timer;

  constructor(file) {
    this.#fd = openSync(file, 'a');
  }

  add(type, action, actor, payload) {
    const at = new Date().toISOString();
    const event = `{"version":"0.2","type":"${type}","action":"${action}","metadata":{"actor":${JSON.stringify(actor)}},"payload":${JSON.stringify(payload)},"timestamp":"${at}","status":"success"}`;
    this.#sequence += 1;
    const line = `{"seq":${this.#sequence},"prev":"${this.#previousHash}","at":"${at}","id":"${randomUUID()}","event":${event}}`;
    this.#previousHash = hash('sha256', line, 'hex');
    writeSync(this.#fd, `${line}\n`);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      fdatasync(this.#fd, (error) => {
        if (error) throw error;
      });
    }, 10);
  }
}
