/** A server's answers: what stands in each, and what proves it (RFC 8489 §9.2.4). */
import type { EventQueue } from '../machine.ts';
import { findAttribute, readText, STUN_ATTRIBUTE, STUN_ERROR, type StunMessage, StunWriter } from '../stun/index.ts';
import { REASON_PHRASES } from './registry.ts';
import type { Authentication, ServerAuth } from './server-auth.ts';
import type { TurnFlow, TurnServerEvent, TurnServerStats } from './server-types.ts';

export type User = Extract<Authentication, { kind: 'user' }>;
type Challenge = Extract<Authentication, { kind: 'challenge' }>;

export type ServerAnswersContext = {
  readonly auth: ServerAuth;
  readonly events: EventQueue<TurnServerEvent>;
  readonly stats: TurnServerStats;
  readonly software: string | undefined;
  readonly transmit: (packet: Uint8Array, flow: TurnFlow) => void;
};

export class ServerAnswers {
  readonly #context: ServerAnswersContext;

  constructor(context: ServerAnswersContext) {
    this.#context = context;
  }

  /** A success in which `write` puts what the method wants. */
  succeed(request: StunMessage, flow: TurnFlow, user: User | null, write: (writer: StunWriter) => void): void {
    const writer = this.#writer('success', request);
    write(writer);
    this.#send(writer, request, flow, user);
  }

  challenge(request: StunMessage, flow: TurnFlow, { code, username }: Challenge, now: number): void {
    const { auth, events, stats } = this.#context;
    stats.challenges++;
    if (code === STUN_ERROR.unauthenticated && username !== null) {
      stats.unauthenticatedRequests++;
      events.push({ kind: 'refused', flow, method: request.method, code, username });
    }
    const writer = this.#writer('error', request).errorCode(code, REASON_PHRASES.get(code)!);
    auth.writeChallenge(writer, flow.id, now);
    this.#send(writer, request, flow, null);
  }

  refuse(request: StunMessage, flow: TurnFlow, code: number, user: User | null, unknown: readonly number[] = []): void {
    const { events, stats } = this.#context;
    stats.refusedRequests++;
    const username = user?.username ?? readText(request, STUN_ATTRIBUTE.username);
    events.push({ kind: 'refused', flow, method: request.method, code, username });
    const writer = this.#writer('error', request).errorCode(code, REASON_PHRASES.get(code) ?? 'Refused');
    if (code === STUN_ERROR.unknownAttribute) writer.unknownAttributes(unknown);
    this.#send(writer, request, flow, user);
  }

  #writer(messageClass: 'success' | 'error', request: StunMessage): StunWriter {
    const writer = new StunWriter(messageClass, request.method, request.transactionId);
    const { software } = this.#context;
    return software === undefined ? writer : writer.text(STUN_ATTRIBUTE.software, software);
  }

  /** Proved with the key that proved the request, and with FINGERPRINT where the request had one. */
  #send(writer: StunWriter, request: StunMessage, flow: TurnFlow, user: User | null): void {
    if (user !== null) writer.integrity(user.key);
    if (findAttribute(request, STUN_ATTRIBUTE.fingerprint) !== undefined) writer.fingerprint();
    this.#context.transmit(writer.finish(), flow);
  }
}
