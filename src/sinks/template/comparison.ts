import { RenderError } from './fault.js';
import { decimalKey } from './floats.js';
import {
  Byte,
  compareBytes,
  ExactNumber,
  isMap,
  isSlice,
  isStruct,
  type Settled,
  settle,
  stringOf,
  typeName,
  type Value,
} from './value.js';

// eq, lt and their kin, by the rules of text/template: kinds must agree, but for int and uint8.

type Kind = 'bool' | 'int' | 'float' | 'string' | undefined;

/** Whether the first equals one of the others. @throws {RenderError} for what cannot be compared. */
export function equals(first: Value, others: readonly Value[]): boolean {
  const left = settle(first);
  return others.some((other) => equalsOne(left, settle(other)));
}

function equalsOne(left: Settled, right: Settled): boolean {
  const [leftKind, rightKind] = [kindOf(left), kindOf(right)];
  if (leftKind !== rightKind) {
    if (isNothing(left) || isNothing(right)) return false;
    throw incompatible(left, right);
  }
  switch (leftKind) {
    case 'bool':
      return left === right;
    case 'int':
      return intOf(left) === intOf(right);
    case 'float':
      return floatsEqual(left, right);
    case 'string':
      return stringOf(left) === stringOf(right);
    default:
      return equalsIdentity(left, right);
  }
}

/** Below zero, zero, above zero. @throws {RenderError} for what has no order. */
export function compare(first: Value, second: Value): number {
  const [left, right] = [settle(first), settle(second)];
  const [leftKind, rightKind] = [kindOf(left), kindOf(right)];
  if (leftKind === undefined || rightKind === undefined) throw uncomparable();
  if (leftKind !== rightKind) throw incompatible(left, right);
  switch (leftKind) {
    case 'bool':
      throw uncomparable();
    case 'int':
      return Number(intOf(left) - intOf(right));
    case 'float':
      return floatsEqual(left, right) ? 0 : floatOf(left) < floatOf(right) ? -1 : 1;
    default:
      return compareBytes(stringOf(left)!, stringOf(right)!);
  }
}

function kindOf(value: Settled): Kind {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint' || value instanceof Byte) return 'int';
  if (typeof value === 'number' || value instanceof ExactNumber) return 'float';
  return stringOf(value) === undefined ? undefined : 'string';
}

function intOf(value: Settled): bigint {
  return value instanceof Byte ? BigInt(value.value) : (value as bigint);
}

function floatOf(value: Settled): number {
  return value instanceof ExactNumber ? value.float : (value as number);
}

/** Numbers that float64 cannot tell apart are compared as they were recorded. */
function floatsEqual(left: Settled, right: Settled): boolean {
  if (typeof left === 'number' && typeof right === 'number') return left === right;
  return floatKey(left) === floatKey(right);
}

function floatKey(value: Settled): string {
  return decimalKey(value instanceof ExactNumber ? value.text : String(value));
}

/** Structs and pointers; maps and slices compare with nil alone. */
function equalsIdentity(left: Settled, right: Settled): boolean {
  if (isNothing(left) || isNothing(right)) return isNothing(left) && isNothing(right);
  const bothStructs = isStruct(left) && isStruct(right);
  if (!bothStructs || left.struct !== right.struct || left.isPointer !== right.isPointer) {
    const sameKind = (isMap(left) && isMap(right)) || (isSlice(left) && isSlice(right));
    throw sameKind
      ? new RenderError(`non-comparable type ${typeName(right)}`)
      : new RenderError(`non-comparable types ${typeName(left)}, ${typeName(right)}`);
  }
  return left === right;
}

function isNothing(value: Settled): boolean {
  return value === undefined || value === null;
}

function incompatible(left: Settled, right: Settled): RenderError {
  return new RenderError(
    `incompatible types for comparison: ${typeName(left)} and ${typeName(right)}`,
  );
}

function uncomparable(): RenderError {
  return new RenderError('invalid type for comparison');
}
