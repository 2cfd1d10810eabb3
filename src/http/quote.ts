/**
 * What a far side said, fit for a message: one line, cut short, control characters escaped, and no
 * secret of ours in it, for many a server repeats what it refuses.
 */
export function quote(said: Uint8Array | string, secrets: readonly string[]): string {
  const text = typeof said === 'string' ? said : new TextDecoder().decode(said);
  const masked = mask(text, secrets).trim();
  const cut =
    masked.length > MAX_LENGTH ? `${masked.slice(0, MAX_LENGTH).toWellFormed()}…` : masked;
  return cut.replace(UNSEEN, escapeOne);
}

const MAX_LENGTH = 200;
const MIN_SECRET_LENGTH = 4; // a shorter one is a letter or two of any text

function mask(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret.toWellFormed()),
    ])
    .filter((form) => form.length >= MIN_SECRET_LENGTH)
    .sort((a, b) => b.length - a.length); // the whole before its parts
  let masked = text;
  for (const form of new Set(forms)) masked = masked.replaceAll(form, '***');
  return masked;
}

/** Control characters, those that turn the writing's direction or are not seen, line separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escapeOne(character: string): string {
  const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
  return known ?? `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
