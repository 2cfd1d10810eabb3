import { ACTOR, EVENT, METADATA } from './event-struct.js';
import { TemplateSyntaxError } from './fault.js';
import type { Command, Node, Operand, Pipe, Tree } from './nodes.js';

/** What is known of a value before there is an event; undefined: nothing. */
type Known = typeof EVENT | 'text' | undefined;

/**
 * Finds fields that no event has, as `.Metadta` or `.Type.Name`, where it is plain what they are asked
 * of. Go finds them when the first event comes.
 *
 * @throws {TemplateSyntaxError}
 */
export function checkFields(tree: Tree): void {
  new FieldCheck(tree.text).list(tree.root, EVENT);
  // What a defined template is given depends on its callers.
  for (const nodes of tree.templates.values()) {
    if (nodes !== tree.root) new FieldCheck(tree.text, true).list(nodes, undefined);
  }
}

class FieldCheck {
  readonly #text: string;
  /** What `$` is. */
  #data: Known;

  constructor(text: string, isDefined = false) {
    this.#text = text;
    this.#data = isDefined ? undefined : EVENT;
  }

  list(nodes: readonly Node[], dot: Known): void {
    for (const node of nodes) this.#node(node, dot);
  }

  #node(node: Node, dot: Known): void {
    switch (node.kind) {
      case 'action':
        this.#pipe(node.pipe, dot);
        break;
      case 'template':
        if (node.pipe !== undefined) this.#pipe(node.pipe, dot);
        break;
      case 'if':
      case 'with':
      case 'range': {
        const value = this.#pipe(node.pipe, dot);
        const inner = { if: dot, with: value, range: undefined }[node.kind];
        this.list(node.body, inner);
        this.list(node.otherwise, dot);
        break;
      }
      default:
        break;
    }
  }

  #pipe({ commands, variables }: Pipe, dot: Known): Known {
    let value: Known;
    for (const command of commands) value = this.#command(command, dot);
    if (variables.includes('$')) this.#data = undefined; // it may be set like any other
    return value;
  }

  #command(command: Command | Operand, dot: Known): Known {
    switch (command.kind) {
      case 'dot':
        return dot;
      case 'field':
        return this.#fields(dot, command.names, command.offset);
      case 'variable':
        return command.name === '$'
          ? this.#fields(this.#data, command.names, command.offset)
          : undefined;
      case 'chain':
        return this.#fields(this.#command(command.operand, dot), command.names, command.offset);
      case 'pipe':
        return this.#pipe(command, dot);
      case 'call':
        for (const arg of command.args) this.#command(arg, dot);
        return undefined;
      default:
        return undefined;
    }
  }

  #fields(receiver: Known, names: readonly string[], offset: number): Known {
    let known = receiver;
    for (const name of names) {
      if (known === undefined) return undefined;
      if (known === 'text' || !known.fields.some((field) => field.name === name)) {
        const type = known === 'text' ? 'string' : known.typeName;
        throw new TemplateSyntaxError(
          this.#text,
          offset,
          `can't evaluate field ${name} in type ${type}`,
        );
      }
      known =
        name === 'Metadata'
          ? METADATA
          : name === 'Actor'
            ? ACTOR
            : name === 'Payload'
              ? undefined
              : 'text';
    }
    return known;
  }
}
