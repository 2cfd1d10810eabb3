import { resolve } from 'node:path';
import { AuditError } from '../errors.js';
import {
  type CheckpointOptions,
  type ResolvedCheckpointOptions,
  resolveCheckpointOptions,
} from './checkpoint-options.js';

/** Where and how the ledger is kept. */
export interface LedgerOptions {
  /** The ledger's folder; made with mode 0700 when missing. */
  readonly directory: string;
  /** Several writers on one host, each in the lowest free `<directory>/0`, `/1`… Default: false. */
  readonly slots?: boolean | undefined;
  /** A segment's bound, from 1 KiB. Default: 64 MiB. */
  readonly maxSegmentBytes?: number | undefined;
  /** What may be removed, by whole segments, once every configured sink has it. Default: nothing. */
  readonly retain?: RetainOptions | undefined;
  /** Bound on accepted events that are not on disk yet, as when the disk is full. Default: 64 MiB. */
  readonly maxWaitingBytes?: number | undefined;
  /** Signs the head of a Merkle tree over the records now and then. Default: it does not. */
  readonly checkpoint?: CheckpointOptions | undefined;
}

/** Segments beyond any of the bounds given are removed, oldest first. */
export interface RetainOptions {
  /** The age of a segment's newest record, in milliseconds. */
  readonly maxAgeMs?: number | undefined;
  /** All segments together, in bytes. */
  readonly maxBytes?: number | undefined;
}

/** {@link LedgerOptions} with every default filled in. */
export interface ResolvedLedgerOptions {
  readonly directory: string;
  readonly slots: boolean;
  readonly maxSegmentBytes: number;
  readonly maxWaitingBytes: number;
  readonly retain: RetainOptions;
  readonly checkpoint?: ResolvedCheckpointOptions | undefined;
}

const KNOWN = ['directory', 'slots', 'maxSegmentBytes', 'retain', 'maxWaitingBytes', 'checkpoint'];
const MIB = 2 ** 20;

/** @throws {AuditError} `invalid-option`, naming the option. */
export function resolveLedgerOptions(
  path: string,
  options: string | LedgerOptions,
): ResolvedLedgerOptions {
  const given: LedgerOptions = typeof options === 'string' ? { directory: options } : options;
  if (typeof given !== 'object' || given === null) {
    throw invalid(path, 'must be a directory or { directory, … }');
  }
  const unknown = Object.keys(given).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) {
    throw invalid(`${path}.${unknown}`, `is not known; there are ${KNOWN.join(', ')}`);
  }
  const { directory, slots = false, retain = {} } = given;
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw invalid(`${path}.directory`, "must be a folder's path");
  }
  if (typeof slots !== 'boolean') throw invalid(`${path}.slots`, 'must be true or false');
  if (typeof retain !== 'object' || retain === null) {
    throw invalid(`${path}.retain`, 'must be { maxAgeMs?, maxBytes? }');
  }
  const strange = Object.keys(retain).find((key) => key !== 'maxAgeMs' && key !== 'maxBytes');
  if (strange !== undefined) {
    throw invalid(`${path}.retain.${strange}`, 'is not known; there are maxAgeMs, maxBytes');
  }
  requireNumber(`${path}.retain.maxAgeMs`, retain.maxAgeMs ?? 0, 0);
  requireNumber(`${path}.retain.maxBytes`, retain.maxBytes ?? 0, 0);
  return {
    directory: resolve(directory), // the process may change its own folder later
    slots,
    retain,
    maxSegmentBytes: requireNumber(
      `${path}.maxSegmentBytes`,
      given.maxSegmentBytes ?? 64 * MIB,
      1024,
    ),
    maxWaitingBytes: requireNumber(`${path}.maxWaitingBytes`, given.maxWaitingBytes ?? 64 * MIB, 0),
    checkpoint:
      given.checkpoint === undefined
        ? undefined
        : resolveCheckpointOptions(`${path}.checkpoint`, given.checkpoint),
  };
}

function requireNumber(path: string, value: number, least: number): number {
  if (typeof value === 'number' && value >= least && value <= Number.MAX_SAFE_INTEGER) return value;
  throw invalid(path, `must be a number of at least ${least}, not ${String(value)}`);
}

function invalid(path: string, fault: string): AuditError {
  return new AuditError('invalid-option', `SinkSpanExporter: ${path} ${fault}`);
}
