import type { Metadata } from '@grpc/grpc-js';
import type { Outcome } from '../outcome.js';
import type { Told } from './told.js';

/** A gRPC call that has ended, as events, payloads and actors get to see it. */
export interface GrpcCall<Request = unknown, Response = unknown> {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** What the client sent with the call; anybody's. */
  readonly metadata: Metadata;
  /** The request; of a stream of requests the first. Undefined where none had come. */
  readonly request: Request | undefined;
  /** The response; undefined where there was none, and for a stream of responses. */
  readonly response: Response | undefined;
  /** How many messages came in. */
  readonly received: number;
  /** How many messages the handler sent. */
  readonly sent: number;
  /** What the service told by `tellAudit`. */
  readonly told: Told;
  /** The client's address by `trustProxy`. */
  readonly ip: string | undefined;
  readonly outcome: Outcome;
  /** The status code: the handler's, or 1 and 4 where it had not answered when the call was cut short. */
  readonly code: number;
  /** Whether the call was cut short, by the client, its deadline or its connection. */
  readonly cancelled: boolean;
}
