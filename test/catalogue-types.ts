// Compiled with all else, and never run: what the compiler knows of a catalogue.
import * as v from 'valibot';
import { z } from 'zod';
import {
  type AuditEventCatalogue,
  defineAuditEvents,
  type StandardSchema,
} from '../src/catalogue.js';
import type { AuditEvent } from '../src/event/event.js';

const catalogue = defineAuditEvents({
  'invoice:refunded': z.object({
    invoice: z.string(),
    cents: z.int(),
    reason: z.string().default('none'),
  }),
  'invoice:viewed': v.object({ invoice: v.pipe(v.string(), v.trim()) }),
  'session:ended': z.undefined(),
});

export function typesOfCatalogue(): unknown {
  const known: AuditEventCatalogue<Record<string, StandardSchema>>['pairs'] = catalogue.pairs;
  const refunded: AuditEvent<{ invoice: string; cents: number; reason: string }> =
    catalogue.createEvent('invoice:refunded', { payload: { invoice: 'F', cents: 1 } });
  const viewed: Promise<AuditEvent<{ invoice: string }>> = catalogue.createEventAsync(
    'invoice:viewed',
    { payload: { invoice: 'F' }, actor: { name: 'Ann' } },
  );
  // @ts-expect-error no such pair
  catalogue.createEvent('invoice:paid', { payload: {} });
  // @ts-expect-error a payload of the wrong type
  catalogue.createEvent('invoice:refunded', { payload: { invoice: 'F', cents: '1' } });
  // @ts-expect-error a member that the schema does not know
  catalogue.createEvent('invoice:viewed', { payload: { invoice: 'F', more: 1 } });
  // @ts-expect-error a payload that must be there
  catalogue.createEvent('invoice:refunded', {});
  // @ts-expect-error an init that must be there
  catalogue.createEvent('invoice:refunded');
  // @ts-expect-error the pair says type and action
  catalogue.createEvent('session:ended', { type: 'flag' });
  // @ts-expect-error a key that is no pair
  defineAuditEvents({ invoice: z.string() });
  // @ts-expect-error a value that is no schema
  defineAuditEvents({ 'a:b': 1 });
  const pair: 'invoice:refunded' | 'invoice:viewed' | 'session:ended' = catalogue.pairs[0]!;
  return [known, refunded, viewed, pair];
}
