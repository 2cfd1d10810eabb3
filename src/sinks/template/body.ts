import type { AuditEvent } from '../../event/event.js';
import { checkFields } from './checked-fields.js';
import { EventStruct } from './event-struct.js';
import { RenderError } from './fault.js';
import { parseTemplate } from './parser.js';
import { type Rendered, Renderer, type RenderLimits } from './renderer.js';

/** The body of a request as a template over the event. */
export interface BodyTemplate {
  /**
   * The JSON body for an event.
   *
   * @throws {RenderError} where it cannot be made, and where it is no JSON.
   */
  render(event: AuditEvent): string;
}

const LIMITS: RenderLimits = { maxLength: 16 * 2 ** 20, maxSteps: 5_000_000, maxDepth: 200 };

/** How much of a body that is no JSON is shown. */
const SHOWN_LENGTH = 200;

/**
 * Parses a template; everything it names must exist.
 *
 * @throws {TemplateSyntaxError} with line and column.
 */
export function parseBody(text: string): BodyTemplate {
  const tree = parseTemplate(text);
  checkFields(tree);
  const renderer = new Renderer(tree, LIMITS);
  return {
    render(event) {
      const data = new EventStruct(event);
      const rendered = renderer.render(data);
      if (rendered.isJson) return rendered.text;
      throw new RenderError(faultOf(rendered, renderer.render(data, true).text));
    },
  };
}

/** @param shown the body without the event's values, which are no matter for a log */
function faultOf({ isForged }: Rendered, shown: string): string {
  const excerpt = shown.length > SHOWN_LENGTH ? `${shown.slice(0, SHOWN_LENGTH)}…` : shown;
  return isForged
    ? `a value outside of quotes would change what the body says, use toJson: ${excerpt}`
    : `invalid JSON: ${excerpt}`;
}
