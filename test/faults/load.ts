/** How much the tests of faults do: little in `npm test`, everything in `npm run test:faults`. */
export interface FaultLoad {
  /** How often the kill test kills. */
  readonly kills: number;
  /** Records of the ledger that is opened cold, and of the backlog. */
  readonly records: number;
}

const full: FaultLoad = { kills: 200, records: 1_000_000 };
const short: FaultLoad = { kills: 20, records: 50_000 };

export const load: FaultLoad =
  (globalThis as { fullFaults?: boolean }).fullFaults === true ? full : short;
