/** A place in a template, both numbers from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is wrong with the text of a template. */
export class TemplateSyntaxError extends Error {
  readonly place: Place;

  constructor(text: string, offset: number, fault: string) {
    const place = placeOf(text, offset);
    super(`line ${place.line}, column ${place.column}: ${fault}`);
    this.name = 'TemplateSyntaxError';
    this.place = place;
  }
}

/** Why a template cannot be rendered with an event. The message holds no value of the event. */
export class RenderError extends Error {
  constructor(fault: string, options?: ErrorOptions) {
    super(fault, options);
    this.name = 'RenderError';
  }
}

export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const lastBreak = before.lastIndexOf('\n');
  return { line: before.split('\n').length, column: offset - lastBreak };
}
