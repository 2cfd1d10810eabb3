import { builtInOf } from './builtins.js';
import { TemplateSyntaxError } from './fault.js';
import { type Token, type TokenKind, tokenize } from './lexer.js';
import { readNumber, unquote, unquoteCharacter } from './literals.js';
import type { CallNode, Command, Node, Operand, Pipe, Tree } from './nodes.js';
import { MadeText } from './value.js';

/** Nesting of blocks and parentheses; far beyond what is written by hand, far from the stack's end. */
const MAX_NESTING = 200;

/**
 * Parses a template by the grammar of Go's text/template, functions and defined templates resolved.
 *
 * @throws {TemplateSyntaxError}
 */
export function parseTemplate(text: string): Tree {
  return new Parser(text).parse();
}

type Context = 'if' | 'with' | 'range';

/** How a list of nodes ended. */
type Ending = 'end' | 'else' | 'else if' | 'else with';

const OPERANDS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  'bool',
  'char',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'raw string',
  'string',
  'variable',
  '(',
]);

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #templates = new Map<string, readonly Node[]>();
  readonly #calls: { readonly name: string; readonly offset: number }[] = [];
  #at = 0;
  #variables: string[] = ['$'];
  #ranges = 0;
  #nesting = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  parse(): Tree {
    const root: Node[] = [];
    while (this.#peek().kind !== 'end') {
      if (this.#isDefinition()) this.#definition();
      else this.#append(root, this.#textOrAction());
    }
    this.#add('', root, 0);
    for (const { name, offset } of this.#calls) {
      if (!this.#templates.has(name)) {
        throw this.#faultAt(offset, `template ${JSON.stringify(name)} not defined`);
      }
    }
    return { text: this.#text, root: this.#templates.get('')!, templates: this.#templates };
  }

  #append(list: Node[], node: Node | Ending): void {
    if (typeof node === 'string') throw this.#fault(`unexpected {{${node}}}`);
    list.push(node);
  }

  #isDefinition(): boolean {
    if (this.#peek().kind !== 'left') return false;
    const next = this.#tokens[this.#at + 1]!;
    const word = next.kind === 'space' ? this.#tokens[this.#at + 2]! : next;
    return word.kind === 'keyword' && word.text === 'define';
  }

  #definition(): void {
    this.#next();
    const word = this.#nextNonSpace();
    const name = this.#templateName('define clause');
    this.#expect('right', 'define clause');
    this.#add(name, this.#body('define clause'), word.offset);
  }

  /** What a definition holds; it sees no variable and no loop of its surroundings. */
  #body(context: string): Node[] {
    const [variables, ranges] = [this.#variables, this.#ranges];
    this.#variables = ['$'];
    this.#ranges = 0;
    const [list, ending] = this.#list();
    if (ending !== 'end') throw this.#fault(`unexpected {{${ending}}} in ${context}`);
    this.#variables = variables;
    this.#ranges = ranges;
    return list;
  }

  /** A template may be defined again only where one of the two is blank. */
  #add(name: string, list: readonly Node[], offset: number): void {
    const present = this.#templates.get(name);
    if (present === undefined || isBlank(present)) this.#templates.set(name, list);
    else if (!isBlank(list)) {
      throw this.#faultAt(offset, `multiple definition of template ${JSON.stringify(name)}`);
    }
  }

  #list(): [Node[], Ending] {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) throw this.#fault('nested too deeply');
    const list: Node[] = [];
    for (;;) {
      if (this.#peekNonSpace().kind === 'end') throw this.#fault('unexpected EOF');
      const node = this.#textOrAction();
      if (typeof node === 'string') {
        this.#nesting -= 1;
        return [list, node];
      }
      list.push(node);
    }
  }

  #textOrAction(): Node | Ending {
    const token = this.#nextNonSpace();
    if (token.kind === 'text') return { kind: 'text', text: token.text, passage: undefined };
    if (token.kind === 'left') return this.#action();
    throw this.#unexpected(token, 'input');
  }

  #action(): Node | Ending {
    const token = this.#peekNonSpace();
    if (token.kind !== 'keyword') {
      return { kind: 'action', pipe: this.#pipeline('command', 'right') };
    }
    this.#nextNonSpace();
    switch (token.text) {
      case 'if':
      case 'with':
      case 'range':
        return this.#control(token.text);
      case 'end':
        this.#expect('right', 'end');
        return 'end';
      case 'else':
        return this.#else();
      case 'template':
        return this.#templateCall(token);
      case 'block':
        return this.#block(token);
      case 'break':
      case 'continue':
        return this.#jump(token.text, token.offset);
      default:
        throw this.#unexpected(token, 'command');
    }
  }

  #control(context: Context): Node {
    const variables = this.#variables.length;
    const pipe = this.#pipeline(context, 'right');
    if (context === 'range') this.#ranges += 1;
    const [body, ending] = this.#list();
    if (context === 'range') this.#ranges -= 1;
    const otherwise = this.#otherwise(context, ending);
    this.#variables.length = variables;
    return { kind: context, pipe, body, otherwise };
  }

  /** `{{else if}}` and `{{else with}}` share the one `{{end}}`. */
  #otherwise(context: Context, ending: Ending): Node[] {
    if (ending === 'end') return [];
    if (ending === 'else') {
      const [list, last] = this.#list();
      if (last !== 'end') throw this.#fault(`expected end; found {{${last}}}`);
      return list;
    }
    const inner = ending === 'else if' ? 'if' : 'with';
    if (inner !== context) throw this.#fault(`unexpected {{${ending}}} in ${context}`);
    this.#nextNonSpace();
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) throw this.#fault('nested too deeply');
    const node = this.#control(inner);
    this.#nesting -= 1;
    return [node];
  }

  #else(): Ending {
    const token = this.#peekNonSpace();
    if (token.kind === 'keyword' && (token.text === 'if' || token.text === 'with')) {
      return `else ${token.text}`;
    }
    this.#expect('right', 'else');
    return 'else';
  }

  #jump(kind: 'break' | 'continue', offset: number): Node {
    const token = this.#nextNonSpace();
    if (token.kind !== 'right') throw this.#unexpected(token, `{{${kind}}}`);
    if (this.#ranges === 0) throw this.#faultAt(offset, `{{${kind}}} outside {{range}}`);
    return { kind };
  }

  #templateCall({ offset }: Token): Node {
    const name = this.#templateName('template clause');
    this.#calls.push({ name, offset });
    const isBare = this.#peekNonSpace().kind === 'right';
    if (isBare) this.#nextNonSpace();
    const pipe = isBare ? undefined : this.#pipeline('template clause', 'right');
    return { kind: 'template', name, pipe, offset };
  }

  #block({ offset }: Token): Node {
    const name = this.#templateName('block clause');
    const pipe = this.#pipeline('block clause', 'right');
    this.#add(name, this.#body('block clause'), offset);
    return { kind: 'template', name, pipe, offset };
  }

  #templateName(context: string): string {
    const token = this.#nextNonSpace();
    if (token.kind !== 'string' && token.kind !== 'raw string') {
      throw this.#unexpected(token, context);
    }
    return this.#unquote(token);
  }

  #pipeline(context: string, end: 'right' | ')'): Pipe {
    const { offset } = this.#peekNonSpace();
    const { variables, assigns } = this.#declarations(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#nextNonSpace();
      if (token.kind === end) break;
      if (!OPERANDS.has(token.kind)) throw this.#unexpected(token, context);
      this.#at -= 1;
      commands.push(this.#command(commands.length));
    }
    if (commands.length === 0) throw this.#faultAt(offset, `missing value for ${context}`);
    return { kind: 'pipe', variables, assigns, commands, offset };
  }

  #declarations(context: string): Pick<Pipe, 'variables' | 'assigns'> {
    const variables: string[] = [];
    for (;;) {
      const start = this.#at;
      const variable = this.#nextNonSpace();
      const next = this.#nextNonSpace();
      const isList = next.kind === 'other' && next.text === ',';
      if (variable.kind !== 'variable' || !(isList || next.kind === '=' || next.kind === ':=')) {
        this.#at = start;
        return { variables, assigns: false };
      }
      variables.push(variable.text);
      this.#variables.push(variable.text);
      if (!isList) return { variables, assigns: next.kind === '=' };
      if (context !== 'range' || variables.length === 2) {
        throw this.#faultAt(variable.offset, `too many declarations in ${context}`);
      }
      if (!['variable', 'right', ')'].includes(this.#peekNonSpace().kind)) {
        throw this.#fault('range can only initialize variables');
      }
    }
  }

  /** @param stage how many commands of the pipeline come before */
  #command(stage: number): Command {
    const operands: Operand[] = [];
    const { offset } = this.#peekNonSpace();
    for (;;) {
      const operand = this.#operand();
      if (operand !== undefined) operands.push(operand);
      const token = this.#next();
      if (token.kind === 'space') continue;
      if (token.kind === 'right' || token.kind === ')') this.#at -= 1;
      else if (token.kind !== '|') throw this.#unexpected(token, 'operand');
      break;
    }
    const [first, ...args] = operands;
    if (first === undefined) throw this.#faultAt(offset, 'empty command');
    for (const arg of args) if (arg.kind === 'call') this.#call(arg, false);
    if (first.kind === 'call') return this.#call({ ...first, args }, stage > 0);
    if (stage > 0) {
      throw this.#faultAt(offset, `non executable command in pipeline stage ${stage + 1}`);
    }
    if (first.kind === 'literal' && first.value === undefined) {
      throw this.#faultAt(offset, 'nil is not a command');
    }
    if (args.length > 0) throw this.#faultAt(offset, "can't give argument to non-function");
    return first;
  }

  /** @param piped whether the value of another command is its last argument */
  #call(call: CallNode, piped: boolean): CallNode {
    const { least, most } = call.builtIn;
    const count = call.args.length + (piped ? 1 : 0);
    if (count < least || count > most) {
      const want = least === most ? `${least}` : `at least ${least}`;
      throw this.#faultAt(
        call.offset,
        `wrong number of args for ${call.name}: want ${want} got ${count}`,
      );
    }
    return call;
  }

  /** A term with the fields that follow it; undefined where no term begins. */
  #operand(): Operand | undefined {
    const token = this.#peekNonSpace();
    const term = this.#term();
    if (term === undefined || this.#peek().kind !== 'field') return term;
    const names: string[] = [];
    while (this.#peek().kind === 'field') names.push(this.#next().text.slice(1));
    switch (term.kind) {
      case 'field':
      case 'variable':
        return { ...term, names: [...term.names, ...names] };
      case 'literal':
      case 'dot':
        throw this.#faultAt(token.offset, `unexpected . after term ${JSON.stringify(token.text)}`);
      case 'call':
        this.#call(term, false);
        return { kind: 'chain', operand: term, names, offset: term.offset };
      default:
        return { kind: 'chain', operand: term, names, offset: term.offset };
    }
  }

  #term(): Operand | undefined {
    const token = this.#nextNonSpace();
    const { offset, text } = token;
    switch (token.kind) {
      case 'identifier':
        return this.#function(token);
      case 'dot':
        return { kind: 'dot', offset };
      case 'nil':
        return { kind: 'literal', value: undefined, offset };
      case 'bool':
        return { kind: 'literal', value: text === 'true', offset };
      case 'field':
        return { kind: 'field', names: [text.slice(1)], offset };
      case 'variable':
        if (!this.#variables.includes(text)) {
          throw this.#faultAt(offset, `undefined variable ${JSON.stringify(text)}`);
        }
        return { kind: 'variable', name: text, names: [], offset };
      case 'number': {
        const value = readNumber(text);
        if (typeof value === 'object') throw this.#faultAt(offset, value.fault);
        return { kind: 'literal', value, offset };
      }
      case 'char': {
        const value = unquoteCharacter(text);
        if (value === undefined) throw this.#faultAt(offset, 'malformed character constant');
        return { kind: 'literal', value, offset };
      }
      case 'string':
      case 'raw string': {
        const value = new MadeText([{ text: this.#unquote(token), foreign: false }]);
        return { kind: 'literal', value, offset };
      }
      case '(':
        return this.#parenthesized();
      default:
        this.#at -= 1;
        return undefined;
    }
  }

  /** Without arguments; those of a command are added by it. */
  #function({ text: name, offset }: Token): CallNode {
    const builtIn = builtInOf(name);
    if (builtIn === undefined) {
      throw this.#faultAt(offset, `function ${JSON.stringify(name)} not defined`);
    }
    return { kind: 'call', name, builtIn, args: [], offset };
  }

  #parenthesized(): Pipe {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) throw this.#fault('nested too deeply');
    const pipe = this.#pipeline('parenthesized pipeline', ')');
    this.#nesting -= 1;
    return pipe;
  }

  #unquote({ text, offset }: Token): string {
    const unquoted = unquote(text);
    if (unquoted === undefined) throw this.#faultAt(offset, 'invalid syntax in quoted string');
    return unquoted;
  }

  #next(): Token {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? this.#tokens.at(-1)!;
  }

  #nextNonSpace(): Token {
    const token = this.#next();
    return token.kind === 'space' ? this.#next() : token;
  }

  #peekNonSpace(): Token {
    if (this.#peek().kind === 'space') this.#at += 1;
    return this.#peek();
  }

  #expect(kind: TokenKind, context: string): void {
    const token = this.#nextNonSpace();
    if (token.kind !== kind) throw this.#unexpected(token, context);
  }

  #unexpected({ kind, text, offset }: Token, context: string): TemplateSyntaxError {
    const what = kind === 'end' ? 'EOF' : JSON.stringify(text.slice(0, 20));
    return this.#faultAt(offset, `unexpected ${what} in ${context}`);
  }

  #fault(fault: string): TemplateSyntaxError {
    return this.#faultAt(this.#peek().offset, fault);
  }

  #faultAt(offset: number, fault: string): TemplateSyntaxError {
    return new TemplateSyntaxError(this.#text, offset, fault);
  }
}

/** Whether it holds nothing but white space. */
function isBlank(list: readonly Node[]): boolean {
  return list.every((node) => node.kind === 'text' && node.text.trim() === '');
}
