import type { Actor } from '../event/event.js';
import { enumName, field } from './fields.js';
import { type FliptAuthentication, METHODS } from './messages.js';

/** Whose metadata says who somebody is. */
const NAMING: readonly string[] = ['oidc', 'jwt', 'github'];

/**
 * The actor that Flipt makes of an authentication: its method in lower case, `none` where there is none; email,
 * name and picture of OIDC, JWT and GitHub alone, from `io.flipt.auth.email` or else
 * `io.flipt.auth.<method>.email`, and so on.
 *
 * @param ip the client's address
 */
export function actorFromAuthentication(
  authentication: FliptAuthentication | null | undefined,
  ip?: string | undefined,
): Actor {
  if (authentication === null || authentication === undefined)
    return { authentication: 'none', ip };
  const method = enumName(authentication, 'method', METHODS)
    .replace(/^METHOD_/, '')
    .toLowerCase();
  if (!NAMING.includes(method)) return { authentication: method, ip };
  const metadata = (field(authentication, 'metadata') ?? {}) as Readonly<Record<string, string>>;
  const find = (name: string) =>
    metadata[`io.flipt.auth.${name}`] || metadata[`io.flipt.auth.${method}.${name}`];
  return {
    authentication: method,
    ip,
    email: find('email'),
    name: find('name'),
    picture: find('picture'),
  };
}
