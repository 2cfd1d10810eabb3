// Builds the program of test/evidence/go, which checks our checkpoints and proofs with Go's code.
import { buildGoProgram } from './go-program.mjs';

buildGoProgram('tlog-check', 'test/evidence/go');
