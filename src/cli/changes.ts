/** A line of what an event has changed. */
export interface Change {
  readonly sign: '+' | '-' | '~';
  readonly text: string;
}

const MAX_CHANGES = 200;

/**
 * What a payload says that was changed: by `before` and `after`, or by an RFC 6902 patch in `diff`,
 * `patch` or `changes`; undefined where it says nothing of the kind, or is nested too deeply to be compared.
 */
export function changesOf(payload: unknown): Change[] | undefined {
  try {
    return findChanges(payload);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function findChanges(payload: unknown): Change[] | undefined {
  if (!isObject(payload)) return undefined;
  for (const key of ['diff', 'patch', 'changes']) {
    const patch = payload[key];
    if (Array.isArray(patch) && patch.length > 0 && patch.every(isOperation)) {
      return patch.slice(0, MAX_CHANGES).flatMap(ofOperation);
    }
  }
  if (!('before' in payload) || !('after' in payload)) return undefined;
  const changes: Change[] = [];
  compare('', payload.before, payload.after, changes);
  return changes;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
  readonly from?: unknown;
}

function isOperation(value: unknown): value is Operation {
  return isObject(value) && typeof value.op === 'string' && typeof value.path === 'string';
}

function ofOperation({ op, path, value, from }: Operation): Change[] {
  if (op === 'add') return [{ sign: '+', text: `${path}: ${JSON.stringify(value)}` }];
  if (op === 'remove') return [{ sign: '-', text: path }];
  if (op === 'replace') return [{ sign: '~', text: `${path}: ${JSON.stringify(value)}` }];
  return op === 'test'
    ? []
    : [{ sign: '~', text: `${path}: ${op} from ${typeof from === 'string' ? from : '?'}` }];
}

function compare(path: string, before: unknown, after: unknown, changes: Change[]): void {
  if (changes.length >= MAX_CHANGES) return;
  if (isObject(before) && isObject(after) && Array.isArray(before) === Array.isArray(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const at = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const was = Object.hasOwn(before, key) ? before[key] : undefined;
      const is = Object.hasOwn(after, key) ? after[key] : undefined;
      compare(at, was, is, changes);
    }
    return;
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  const at = path === '' ? '/' : path;
  if (before === undefined) changes.push({ sign: '+', text: `${at}: ${JSON.stringify(after)}` });
  else if (after === undefined)
    changes.push({ sign: '-', text: `${at}: ${JSON.stringify(before)}` });
  else {
    changes.push({
      sign: '~',
      text: `${at}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`,
    });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
