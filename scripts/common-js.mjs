// Turns a bundle that esbuild printed as ESM into CommonJS of the same body, line for line: names are taken
// out of what is required, not looked up in it at each use, which is faster; and in the tarball the one
// compresses to next to nothing beside the other.

/** A statement, as esbuild prints it: behind the end of another one. */
const IMPORT = /(?<=^|[;}\n])import(?:\{([^}]*)\}|\s+([\w$]+)\s*)from"([^"]+)";/g;
const EXPORT = /\bexport\s*\{([^}]*)\};\s*$/;
/** A dynamic import of a part of ours would look for the names in it, and not find them. */
const DYNAMIC = /\bimport\(("\.[^"]+")\)/g;

/**
 * @param {string} esm as esbuild prints it: imports first, one export last
 * @param {string} file for errors
 */
export function toCommonJs(esm, file) {
  let body = esm.replace(IMPORT, (_, names, whole, from) => {
    if (whole !== undefined && !from.startsWith('node:')) {
      throw new Error(`${file}: a default import of ${from} is not provided for`);
    }
    return `const ${whole ?? `{${namesIn(names, ([outer, inner]) => [outer, inner])}}`}=require("${from}");`;
  });
  const [tail = '', names = ''] = EXPORT.exec(body) ?? [];
  body = body.slice(0, body.length - tail.length);
  body = body.replace(/\bimport\.meta\.url\b/g, 'undefined');
  body = body.replace(DYNAMIC, (_, path) => `Promise.resolve().then(()=>require(${path}))`);
  // Names in a literal are what Node's `import`, and bundlers, find.
  const exported = namesIn(names, ([inner, outer]) => [outer, inner]);
  return `"use strict";${body}module.exports={${exported}};Object.defineProperty(module.exports,"__esModule",{value:true});\n`;
}

/** `a as b, c` as members of a literal, or of a pattern: what each is called outside, and inside. */
function namesIn(names, sides) {
  return names
    .split(',')
    .map((name) => name.trim().split(/\s+as\s+/))
    .filter(([name]) => name !== '')
    .map(([name, other = name]) => sides([name, other]))
    .map(([outer, inner]) => (outer === inner ? inner : `${outer}:${inner}`))
    .join(',');
}
