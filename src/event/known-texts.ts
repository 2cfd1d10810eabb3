// Which payload texts this process has made itself. A decoder cannot trust the attributes of a span,
// but a text that equals one that JSON.stringify gave here is JSON: comparing costs next to nothing
// where the very same string comes back, parsing 2 KB costs 7 µs. The price is that up to 512 payload
// texts stay in memory until others take their places.

/**
 * One of a batch span processor's default batches; what is no longer here is simply parsed. More slots
 * would find more, and cost the garbage collector more where spans are short-lived.
 */
const SLOTS = 512;
/** Longer texts are not kept, so that at most 512 × 4 Ki characters are. */
const MAX_LENGTH = 4096;

const known: string[] = new Array<string>(SLOTS).fill('');

/** Notes the payload text of an event that is about to go onto a span. */
export function rememberText(id: string, text: string): void {
  if (text.length <= MAX_LENGTH) known[slotOf(id)] = text;
}

/** Whether this very text was remembered for the id, and is therefore JSON on one line. */
export function isKnownText(id: string, text: string): boolean {
  return text !== '' && known[slotOf(id)] === text;
}

/** Lets go of the text that was remembered for the id. */
export function forgetText(id: string): void {
  known[slotOf(id)] = '';
}

/** The last three characters of an id, random digits in a UUID, spread over the slots. */
function slotOf(id: string): number {
  const end = id.length;
  // Past the beginning of a short id charCodeAt gives NaN, which the bit operators take as 0.
  return (
    (id.charCodeAt(end - 1) ^ (id.charCodeAt(end - 2) << 4) ^ (id.charCodeAt(end - 3) << 7)) &
    (SLOTS - 1)
  );
}
