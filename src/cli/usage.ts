/** The command was called in a way that it does not understand: told without a stack, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
