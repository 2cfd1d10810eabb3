import { readFileOf } from './file.js';

/** The variables that expressions may name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What an expression gave, or what is wrong with it. */
export type Substituted =
  | {
      readonly text: string;
      /** What was put in: nobody can tell a secret from the rest of it. */
      readonly values: readonly string[];
    }
  | { readonly fault: string };

const ANYWHERE = /\$(\$?)\{([^{}]*)\}/g;
const WHOLE = /^\$\{([^{}]*)\}$/;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;
const MAX_SECRET_BYTES = 64 * 1024;

/**
 * Puts values for `${VAR}`, `${VAR:-default}` and `${file:/path}`; `$${` stands for `${`. What is put in is
 * not looked at again.
 *
 * @param whole only where the expression is the whole value
 */
export function substitute(text: string, env: Environment, whole: boolean): Substituted {
  if (whole) {
    const expression = WHOLE.exec(text)?.[1];
    return expression === undefined ? { text, values: [] } : evaluate(expression, env);
  }
  let fault: string | undefined;
  const values: string[] = [];
  const replaced = text.replace(ANYWHERE, (match, escaped: string, expression: string) => {
    if (escaped !== '') return match.slice(1);
    const value = evaluate(expression, env);
    if ('fault' in value) fault ??= value.fault;
    else {
      values.push(value.text);
      return value.text;
    }
    return match;
  });
  return fault === undefined ? { text: replaced, values } : { fault };
}

/** As Flipt does: a whole value alone, and nothing for a variable that is not set. */
export function substituteAsFlipt(text: string, env: Environment): Substituted {
  const name = /^\$\{([a-zA-Z_]+[a-zA-Z0-9_]*)\}$/.exec(text)?.[1];
  if (name === undefined) return { text, values: [] };
  const value = variable(env, name) ?? '';
  return { text: value, values: [value] };
}

function evaluate(expression: string, env: Environment): Substituted {
  if (expression.startsWith('file:')) return readSecret(expression.slice('file:'.length));
  const match = VARIABLE.exec(expression);
  if (match === null) {
    return {
      fault: `holds a \${…} that is none of \${VAR}, \${VAR:-default} and \${file:/path}; $\${ stands for \${`,
    };
  }
  const [, name, fallback] = match;
  // Like a shell's `:-`: an empty variable is as good as none, and most likely a mistake.
  const text = variable(env, name!) || fallback;
  if (text !== undefined) return { text, values: [text] };
  return { fault: `names the variable ${name}, which is not set; \${${name}:-} may be empty` };
}

function variable(env: Environment, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

function readSecret(path: string): Substituted {
  const read = readFileOf(path, MAX_SECRET_BYTES);
  if ('fault' in read)
    return { fault: `names the file ${JSON.stringify(path)}, which ${read.fault}` };
  // Editors end a file with a line break; a secret has none.
  const text = read.text.replace(/\r?\n$/, '');
  if (text !== '') return { text, values: [text] };
  return { fault: `names the file ${JSON.stringify(path)}, which is empty` };
}
