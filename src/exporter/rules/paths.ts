const SMALL_A = 0x61;
const SMALL_Z = 0x7a;

/** Whether a name stands for the path, which a rule compares by {@link comparablePath}. */
export function isPath(name: string): boolean {
  return name === 'url.path' || name === 'http.target';
}

/**
 * A path in the one form in which rules compare paths: in lower case, decoded, without repeated slashes and
 * one at the end. Routers take all of these for the same, each some of them; a client must not get past
 * the rules by writing a path another way.
 */
export function comparablePath(path: string): string {
  // Most are so already, and to see that costs a fraction of making them so.
  if (path === '/' || !/[A-Z%\u007f-\uffff]|\/(?:\/|$)/.test(path)) return path;
  const text = decode(path)
    .replace(/\/{2,}/g, '/')
    .toLowerCase();
  return text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text;
}

/**
 * Whether the comparable form of a path may begin so. Nearly all paths are told apart by their first
 * characters, long before they are in that form.
 */
export function mayBegin(path: string, beginning: string): boolean {
  for (let at = 0; at < beginning.length; at += 1) {
    const code = path.charCodeAt(at);
    // A small letter is what it would be in that form, and it stands where another character should.
    if (code !== beginning.charCodeAt(at)) return !(code >= SMALL_A && code <= SMALL_Z);
  }
  return true;
}

function decode(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}
