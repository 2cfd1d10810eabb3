const RUN = 1;
const ANY_RUN = 2;

/**
 * A test of texts by a pattern in which `*` stands for any run of characters but `/`, `**` for any run,
 * and everything else for itself. The texts are anybody's, so all ways to match are followed at once, a
 * character at a time: nothing makes it go back, as a regular expression can be made to.
 */
export function globTest(pattern: string): (text: string) => boolean {
  const [beginning = ''] = pattern.split('*', 1);
  const tokens = (pattern.slice(beginning.length).match(/\*\*?|[^*]/gs) ?? []).map((token) =>
    token === '*' ? RUN : token === '**' ? ANY_RUN : token,
  );
  return (text) => {
    if (!text.startsWith(beginning)) return false;
    let places = reach(tokens, 0, []);
    for (let at = beginning.length; at < text.length && places.length > 0; at += 1) {
      const character = text[at];
      const next: number[] = [];
      for (const place of places) {
        const token = tokens[place];
        if (token === ANY_RUN || (token === RUN && character !== '/')) reach(tokens, place, next);
        else if (token === character) reach(tokens, place + 1, next);
      }
      places = next;
    }
    return places.includes(tokens.length);
  };
}

/** Adds a place, and those behind runs that may be empty. */
function reach(tokens: readonly (string | number)[], place: number, places: number[]): number[] {
  for (let at = place; !places.includes(at); at += 1) {
    places.push(at);
    if (typeof tokens[at] !== 'number') break;
  }
  return places;
}
