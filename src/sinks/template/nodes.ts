import type { BuiltIn } from './builtins.js';
import type { JsonState } from './json-state.js';
import type { Value } from './value.js';

// A template as a tree; `offset` is the place in its text.

export type Node = TextNode | ActionNode | BranchNode | RangeNode | TemplateNode | JumpNode;

export interface TextNode {
  readonly kind: 'text';
  readonly text: string;
  /** What the text did to the state that it met last; most texts meet one alone. */
  passage: { readonly from: JsonState; readonly to: JsonState } | undefined;
}

/** A pipeline whose value is printed, unless it sets a variable. */
export interface ActionNode {
  readonly kind: 'action';
  readonly pipe: Pipe;
}

export interface BranchNode {
  readonly kind: 'if' | 'with';
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export interface RangeNode {
  readonly kind: 'range';
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** A call of a defined template. */
export interface TemplateNode {
  readonly kind: 'template';
  readonly name: string;
  readonly pipe: Pipe | undefined;
  readonly offset: number;
}

export interface JumpNode {
  readonly kind: 'break' | 'continue';
}

export interface Pipe {
  readonly kind: 'pipe';
  /** Variables that receive the value; `$i, $e` of a range are two. */
  readonly variables: readonly string[];
  /** Whether they exist already: `=` and not `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
  readonly offset: number;
}

/** A function with its arguments, or one operand. */
export type Command = CallNode | Operand;

export interface CallNode {
  readonly kind: 'call';
  readonly name: string;
  readonly builtIn: BuiltIn;
  readonly args: readonly Operand[];
  readonly offset: number;
}

export type Operand =
  | LiteralNode
  | DotNode
  | FieldNode
  | VariableNode
  | ChainNode
  | CallNode
  | Pipe;

export interface LiteralNode {
  readonly kind: 'literal';
  /** Undefined is nil. */
  readonly value: Value;
  readonly offset: number;
}

export interface DotNode {
  readonly kind: 'dot';
  readonly offset: number;
}

/** `.A.B` */
export interface FieldNode {
  readonly kind: 'field';
  readonly names: readonly string[];
  readonly offset: number;
}

/** `$`, `$x`, `$x.A.B` */
export interface VariableNode {
  readonly kind: 'variable';
  readonly name: string;
  readonly names: readonly string[];
  readonly offset: number;
}

/** `(…).A.B` */
export interface ChainNode {
  readonly kind: 'chain';
  readonly operand: Operand;
  readonly names: readonly string[];
  readonly offset: number;
}

/** Everything that was parsed of one text. */
export interface Tree {
  readonly text: string;
  readonly root: readonly Node[];
  readonly templates: ReadonlyMap<string, readonly Node[]>;
}
