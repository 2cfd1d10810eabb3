import type { Command } from '../command.js';
import { consistency } from './consistency.js';
import { dead } from './dead.js';
import { prove } from './prove.js';
import { replay } from './replay.js';
import { search } from './search.js';
import { show } from './show.js';
import { stats } from './stats.js';
import { tail } from './tail.js';
import { verify } from './verify.js';

/** In the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [
  verify,
  tail,
  search,
  show,
  stats,
  dead,
  replay,
  prove,
  consistency,
];
