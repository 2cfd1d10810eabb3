import { EventStruct } from './event-struct.js';
import { placeOf, RenderError } from './fault.js';
import { type JsonState, jsonStart } from './json-state.js';
import type {
  ActionNode,
  BranchNode,
  CallNode,
  Command,
  Node,
  Operand,
  Pipe,
  RangeNode,
  TemplateNode,
  Tree,
} from './nodes.js';
import { Output } from './output.js';
import {
  Byte,
  isMap,
  isSlice,
  isStruct,
  isTrue,
  MadeText,
  type Settled,
  settle,
  sortedKeys,
  toPrint,
  typeName,
  type Value,
} from './value.js';

/** What a template may use up for one event. */
export interface RenderLimits {
  /** Characters of the body, and of any text made on the way. */
  readonly maxLength: number;
  /** Nodes executed; each turn of a loop executes some. */
  readonly maxSteps: number;
  /** Calls of templates inside one another. */
  readonly maxDepth: number;
}

/** A body, or what is wrong with it. */
export interface Rendered {
  readonly text: string;
  readonly isJson: boolean;
  /** Whether a value would have changed the structure of the body. */
  readonly isForged: boolean;
}

/** Executes a template as Go's text/template/exec.go does. */
export class Renderer {
  readonly #tree: Tree;
  readonly #limits: RenderLimits;
  readonly #start: JsonState = jsonStart();

  constructor(tree: Tree, limits: RenderLimits) {
    this.#tree = tree;
    this.#limits = limits;
  }

  /**
   * @param data what `.` and `$` are
   * @param hidden whether values are shown as `…`, but for the plain words of an event
   * @throws {RenderError} where Go's execution fails, and beyond a limit.
   */
  render(data: Value, hidden = false): Rendered {
    const run = new Run(this.#tree, this.#limits, this.#start, data, hidden);
    try {
      run.list(this.#tree.root, data);
    } catch (error) {
      // The stack is a limit, too.
      if (error instanceof RangeError) throw new RenderError('the value is nested too deeply');
      throw error;
    }
    const { text, isJson, isForged } = run.output;
    return { text, isJson, isForged };
  }
}

/** How a list of nodes ended. */
type Jump = 'break' | 'continue' | undefined;

interface Variable {
  readonly name: string;
  value: Value;
}

class Run {
  readonly output: Output;
  readonly #tree: Tree;
  readonly #limits: RenderLimits;
  readonly #hidden: boolean;
  /** A stack as in Go: the variable said last is found first. */
  #variables: Variable[];
  #steps = 0;
  /** Characters that functions have made. */
  #made = 0;
  #depth = 0;

  constructor(tree: Tree, limits: RenderLimits, start: JsonState, data: Value, hidden: boolean) {
    this.output = new Output(start, limits.maxLength);
    this.#tree = tree;
    this.#limits = limits;
    this.#hidden = hidden;
    this.#variables = [{ name: '$', value: data }];
  }

  list(nodes: readonly Node[], dot: Value): Jump {
    for (const node of nodes) {
      const jump = this.#node(node, dot);
      if (jump !== undefined) return jump;
    }
    return undefined;
  }

  #node(node: Node, dot: Value): Jump {
    this.#steps += 1;
    if (this.#steps > this.#limits.maxSteps) throw new RenderError('it takes too many steps');
    switch (node.kind) {
      case 'text':
        this.output.writeText(node);
        return undefined;
      case 'action':
        this.#action(node, dot);
        return undefined;
      case 'if':
      case 'with':
        return this.#branch(node, dot);
      case 'range':
        return this.#range(node, dot);
      case 'template':
        this.#template(node, dot);
        return undefined;
      default:
        return node.kind;
    }
  }

  #action({ pipe }: ActionNode, dot: Value): void {
    const value = this.#pipe(pipe, dot);
    if (pipe.variables.length > 0) return;
    if (this.#hidden && !isPlainWord(pipe, dot)) this.output.writeValue('…');
    else this.output.writeValue(toPrint(value));
  }

  #branch({ kind, pipe, body, otherwise }: BranchNode, dot: Value): Jump {
    const mark = this.#variables.length;
    const value = this.#pipe(pipe, dot);
    const jump = isTrue(value)
      ? this.list(body, kind === 'with' ? value : dot)
      : this.list(otherwise, dot);
    this.#variables.length = mark;
    return jump;
  }

  #range(node: RangeNode, dot: Value): Jump {
    const outer = this.#variables.length;
    const value = settle(this.#pipe(node.pipe, dot));
    const turns = this.#turns(node, value);
    let jump: Jump;
    if (turns === undefined) jump = this.list(node.otherwise, dot);
    else this.#loop(node, turns);
    this.#variables.length = outer;
    return jump;
  }

  #loop(node: RangeNode, turns: Iterable<Turn>): void {
    const mark = this.#variables.length;
    for (const { index, item } of turns) {
      this.#setLoopVariables(node.pipe, index, item);
      this.#steps += 1;
      const jump = this.list(node.body, item);
      this.#variables.length = mark;
      if (jump === 'break') return;
      if (this.#steps > this.#limits.maxSteps) throw new RenderError('it takes too many steps');
    }
  }

  /** With one variable it is the item, with two they are index and item. */
  #setLoopVariables({ variables, assigns }: Pipe, index: Value, item: Value): void {
    const [first, second] = variables;
    if (first === undefined) return;
    if (assigns) {
      this.#assign(first, second === undefined ? item : index);
      if (second !== undefined) this.#assign(second, item);
      return;
    }
    this.#variables.at(-1)!.value = item;
    if (second !== undefined) this.#variables.at(-2)!.value = index;
  }

  /** What a value is ranged over; undefined for nothing. */
  #turns({ pipe }: RangeNode, value: Settled): Iterable<Turn> | undefined {
    if (value === undefined || value === null) return undefined;
    if (isSlice(value)) return value.length === 0 ? undefined : slices(value);
    if (isMap(value)) {
      const keys = sortedKeys(value);
      return keys.length === 0 ? undefined : keys.map((key) => ({ index: key, item: value[key] }));
    }
    const count = value instanceof Byte ? BigInt(value.value) : value;
    if (typeof count !== 'bigint') {
      throw this.#fault(pipe.offset, `range can't iterate over ${typeName(value)}`);
    }
    if (pipe.variables.length > 1) {
      throw this.#fault(pipe.offset, "can't iterate over a number with two variables");
    }
    if (count <= 0n) return undefined;
    return value instanceof Byte
      ? numbers(count, (n) => new Byte(Number(n)))
      : numbers(count, (n) => n);
  }

  #template({ name, pipe, offset }: TemplateNode, dot: Value): void {
    const value = pipe === undefined ? undefined : this.#pipe(pipe, dot);
    if (this.#depth >= this.#limits.maxDepth) {
      throw this.#fault(offset, 'templates call one another too deeply');
    }
    const variables = this.#variables;
    this.#variables = [{ name: '$', value }];
    this.#depth += 1;
    this.list(this.#tree.templates.get(name)!, value);
    this.#depth -= 1;
    this.#variables = variables;
  }

  #pipe({ commands, variables, assigns }: Pipe, dot: Value): Value {
    let value: Value;
    let piped = false;
    for (const command of commands) {
      value = this.#command(command, dot, value, piped);
      piped = true;
      // An interface that holds nothing counts as nothing from here on.
      if (value === null) value = undefined;
    }
    for (const name of variables) {
      if (assigns) this.#assign(name, value);
      else this.#variables.push({ name, value });
    }
    return value;
  }

  #command(command: Command, dot: Value, last: Value, piped: boolean): Value {
    return command.kind === 'call'
      ? this.#call(command, dot, last, piped)
      : this.#operand(command, dot);
  }

  #call({ builtIn, name, args, offset }: CallNode, dot: Value, last: Value, piped: boolean): Value {
    const { decisive } = builtIn;
    const values: Value[] = [];
    for (const arg of args) {
      const value = this.#operand(arg, dot);
      if (decisive !== undefined && decisive === isTrue(value)) return value;
      values.push(value);
    }
    if (piped) values.push(last);
    try {
      const result = builtIn.call(values, this.#limits.maxLength);
      if (result instanceof MadeText) this.#count(result.text.length);
      return result;
    } catch (error) {
      if (!(error instanceof RenderError)) throw error;
      throw this.#fault(offset, `error calling ${name}: ${error.message}`);
    }
  }

  /** Work that leaves nothing in the body is bounded all the same. */
  #count(length: number): void {
    this.#made += length;
    if (this.#made > MADE_FACTOR * this.#limits.maxLength) {
      throw new RenderError('it takes too many steps');
    }
  }

  #operand(operand: Operand, dot: Value): Value {
    switch (operand.kind) {
      case 'literal':
        return operand.value;
      case 'dot':
        return dot;
      case 'field':
        return this.#fields(dot, operand.names, operand.offset);
      case 'variable':
        return this.#fields(
          this.#find(operand.name, operand.offset),
          operand.names,
          operand.offset,
        );
      case 'chain':
        return this.#fields(this.#operand(operand.operand, dot), operand.names, operand.offset);
      case 'call':
        return this.#call(operand, dot, undefined, false);
      case 'pipe':
        return this.#pipe(operand, dot);
    }
  }

  #fields(receiver: Value, names: readonly string[], offset: number): Value {
    let value = receiver;
    for (const name of names) value = this.#field(settle(value), name, offset);
    return value;
  }

  #field(receiver: Settled, name: string, offset: number): Value {
    if (receiver === undefined) return undefined;
    if (receiver === null) {
      throw this.#fault(offset, `nil pointer evaluating interface {}.${name}`);
    }
    if (isStruct(receiver)) {
      const value = receiver.get(name);
      if (value !== undefined) return value;
    } else if (isMap(receiver)) return Object.hasOwn(receiver, name) ? receiver[name] : undefined;
    throw this.#fault(offset, `can't evaluate field ${name} in type ${typeName(receiver)}`);
  }

  #find(name: string, offset: number): Value {
    const variable = this.#variables.findLast((one) => one.name === name);
    // Declared in an argument that was not evaluated.
    if (variable === undefined) throw this.#fault(offset, `undefined variable: ${name}`);
    return variable.value;
  }

  #assign(name: string, value: Value): void {
    const variable = this.#variables.findLast((one) => one.name === name);
    if (variable === undefined) throw new RenderError(`undefined variable: ${name}`);
    variable.value = value;
  }

  #fault(offset: number, fault: string): RenderError {
    const { line, column } = placeOf(this.#tree.text, offset);
    return new RenderError(`line ${line}, column ${column}: ${fault}`);
  }
}

/** How many bodies' worth of text functions may make for one. */
const MADE_FACTOR = 8;

interface Turn {
  readonly index: Value;
  readonly item: Value;
}

function* slices(items: readonly Value[]): Iterable<Turn> {
  for (const [index, item] of items.entries()) yield { index: BigInt(index), item };
}

function* numbers(count: bigint, make: (n: bigint) => Value): Iterable<Turn> {
  for (let n = 0n; n < count; n += 1n) yield { index: undefined, item: make(n) };
}

/** Whether all that is printed is a word of the event that may be shown: its type, for one. */
function isPlainWord({ commands }: Pipe, dot: Value): boolean {
  const [command] = commands;
  if (commands.length > 1 || command?.kind !== 'field' || command.names.length > 1) return false;
  return dot instanceof EventStruct && PLAIN_WORDS.has(command.names[0]!);
}

const PLAIN_WORDS: ReadonlySet<string> = new Set([
  'Version',
  'Type',
  'Action',
  'Timestamp',
  'Status',
]);
