import { fromBase64, type Hash, toBase64 } from './merkle.js';
import { type Note, parseNote } from './note.js';

const SIZE = /^(?:0|[1-9]\d{0,15})$/;

/** The text that is signed. */
export function checkpointText(origin: string, size: number, root: Hash): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** A checkpoint and the note that it stands in, whose signatures nobody has checked. */
export interface UncheckedCheckpoint {
  /** The log's name. */
  readonly origin: string;
  readonly size: number;
  /** In Base64. */
  readonly root: string;
  readonly note: Note;
}

/** Takes a checkpoint apart, whoever it comes from; undefined for what is none. */
export function parseCheckpoint(text: string): UncheckedCheckpoint | undefined {
  const note = parseNote(text);
  if (note === undefined) return undefined;
  const [origin = '', digits = '', root = '', ...extensions] = note.text.slice(0, -1).split('\n');
  const size = Number(digits);
  if (origin === '' || !SIZE.test(digits) || !Number.isSafeInteger(size)) return undefined;
  if (fromBase64(root) === undefined || extensions.includes('')) return undefined;
  return { origin, size, root, note };
}
