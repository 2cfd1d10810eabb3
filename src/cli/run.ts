import { nearest } from '../config/suggestion.js';
import { AuditError, type AuditErrorCode, messageOf } from '../errors.js';
import { type Command, type CommandContext, EXIT } from './command.js';
import { COMMANDS } from './commands/index.js';
import { parseOptions } from './options.js';
import { printable } from './printable.js';
import { UsageError } from './usage.js';

/**
 * Runs the command that the arguments name.
 *
 * @param args what stands behind `otel-audit`
 * @returns the exit code: 0 fine, 1 evidence broken or something not delivered, 2 wrong usage, or a
 *   ledger that cannot be read
 */
export async function run(args: readonly string[], context: CommandContext): Promise<number> {
  const { terminal } = context;
  const code = await runCommand(args, context);
  await terminal.drained();
  await new Promise(setImmediate); // a stream tells of a failed write a turn later
  if (terminal.failure === undefined) return code;
  terminal.note(`otel-audit: the output cannot be written: ${messageOf(terminal.failure)}`);
  return EXIT.usage;
}

async function runCommand(args: readonly string[], context: CommandContext): Promise<number> {
  const { terminal } = context;
  try {
    const [name, ...rest] = args;
    if (name === undefined) {
      terminal.note(helpText());
      return EXIT.usage;
    }
    if (name === '--help' || name === '-h' || name === 'help') return help(rest, context);
    if (name === '--version' || name === '-v') {
      terminal.out(context.version);
      return EXIT.fine;
    }
    const command = commandNamed(name);
    const parsed = parseOptions(rest, command.options);
    if (parsed.values.help === true) return help([name], context);
    return await command.run(parsed, context);
  } catch (error) {
    // A configuration's faults stand one a line.
    const lines = messageOf(error).split('\n').map(printable);
    terminal.note(`otel-audit: ${lines.join('\n')}`);
    const isExpected = error instanceof UsageError || error instanceof AuditError;
    if (!isExpected && context.env.OTEL_AUDIT_DEBUG && error instanceof Error) {
      terminal.note((error.stack ?? '').split('\n').map(printable).join('\n'));
    }
    const isBroken = error instanceof AuditError && BROKEN.includes(error.code);
    return isBroken ? EXIT.broken : EXIT.usage;
  }
}

/** What says that evidence was looked at and is not what it should be. */
const BROKEN: readonly AuditErrorCode[] = ['ledger-corrupt', 'checkpoint-invalid'];

function help([name]: readonly string[], { terminal }: CommandContext): number {
  if (name === undefined) {
    terminal.out(helpText());
  } else {
    const command = commandNamed(name);
    terminal.out(
      `Usage: otel-audit ${command.synopsis}\n\n${capitalized(command.summary)}.\n\n${command.help}\n\n  --json              for programs: one JSON value a line\n\nExample: otel-audit ${command.example}`,
    );
  }
  return EXIT.fine;
}

function commandNamed(name: string): Command {
  const command = COMMANDS.find((known) => known.name === name);
  if (command !== undefined) return command;
  const names = COMMANDS.map((known) => known.name);
  const meant = nearest(name, names);
  throw new UsageError(
    `there is no command ${JSON.stringify(name)}: ${meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`}`,
  );
}

function helpText(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`);
  return `Usage: otel-audit COMMAND DIR [options]

Reads and checks the ledgers of otel-audit. DIR is a ledger, or the parent of slots.

${lines.join('\n')}

  otel-audit COMMAND --help tells more of each. With --json every command prints for programs.
Exit codes: 0 fine, 1 evidence broken or something not delivered, 2 wrong usage or nothing to read.`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
