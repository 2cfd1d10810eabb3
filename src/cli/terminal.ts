import type { Writable } from 'node:stream';
import { printable } from './printable.js';

/** What a command prints to, and reads its answers from. */
export interface Terminal {
  /** What the command was asked for. */
  out(line: string): void;
  /** What programs read: exactly this. To a person who looks on it is shown safely. */
  verbatim(text: string): void;
  /** What people should know besides. */
  note(line: string): void;
  /** A line that is written over by the next one; nothing unless somebody looks on. */
  progress(text: string): void;
  /** Whether a person sees what is printed. */
  readonly isInteractive: boolean;
  /** Characters in a line. */
  readonly width: number;
  readonly paint: Paint;
  /** Resolves once what was printed is taken; a full pipe makes the command wait. */
  drained(): Promise<void>;
  /** Whether nobody reads any more, as after `| head`. */
  readonly isClosed: boolean;
  /** Why what was printed did not arrive, unless nobody wants it any more. */
  readonly failure: Error | undefined;
}

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Colours a text, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

const DEFAULT_WIDTH = 120;
const ERASE_LINE = '\r\u001b[2K';

export interface TerminalStreams {
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function openTerminal({ stdout, stderr, env }: TerminalStreams): Terminal {
  let isClosed = false;
  let failure: Error | undefined;
  let hasProgress = false;
  let waiting: Promise<void> | undefined;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    isClosed = true;
    // The reader has gone, as `head` does: no fault of anybody's. A full disk is.
    if (error.code !== 'EPIPE') failure ??= error;
  });
  stderr.on('error', () => {});
  const isInteractive = stdout.isTTY === true;
  const eraseProgress = () => {
    if (hasProgress) stderr.write(ERASE_LINE);
    hasProgress = false;
  };
  const hasColours = isInteractive && !env.NO_COLOR && env.TERM !== 'dumb';
  const out = (line: string) => {
    if (isClosed) return;
    eraseProgress();
    if (stdout.write(`${line}\n`)) return;
    waiting ??= new Promise((resolve) => {
      const done = () => {
        waiting = undefined;
        stdout.off('drain', done).off('close', done).off('error', done);
        resolve();
      };
      stdout.once('drain', done).once('close', done).once('error', done);
    });
  };
  return {
    isInteractive,
    // Asked each time: the window may change.
    get width() {
      return stdout.columns ?? DEFAULT_WIDTH;
    },
    get isClosed() {
      return isClosed;
    },
    get failure() {
      return failure;
    },
    out,
    verbatim(text) {
      // JSON escapes the controls of ASCII and no others, and between its tokens a line of others may hold any.
      for (const line of isInteractive ? text.split('\n').map(printable) : [text]) out(line);
    },
    note(line) {
      eraseProgress();
      stderr.write(`${line}\n`);
    },
    progress(text) {
      if (stderr.isTTY !== true || env.TERM === 'dumb') return;
      stderr.write(`${ERASE_LINE}${text}`);
      hasProgress = text !== '';
    },
    drained: () => waiting ?? Promise.resolve(),
    paint(colour, text) {
      const [on, off] = CODES[colour];
      return hasColours ? `\u001b[${on}m${text}\u001b[${off}m` : text;
    },
  };
}
