/**
 * What two connected peers say to each other before either is shown to its application (docs/room-security.md,
 * "Introductions"): who I am, if I have an identity; and, once I know the same of you and my application agrees, ready. So
 * nobody sees a peer that does not want to be seen by them.
 */
import type { IdentityProof, Meeting, MeetingSide, PeerIdentity } from './identity.ts';

/** As it goes over the channel for signaling within the connection, in JSON. */
export type IntroductionMessage =
  | { readonly introduction: 'hello'; readonly proof?: IdentityProof }
  | { readonly introduction: 'ready' };

export type IntroductionOptions = {
  /** Ours. With one, the other side must prove its own. */
  readonly identity?: PeerIdentity | undefined;
  /** Whether the application wants this peer. Called once, after its identity was verified; throwing is a no. */
  readonly authorize?: ((publicKey: Uint8Array | null) => boolean | Promise<boolean>) | undefined;
  readonly meeting: Meeting;
  /** Ours. */
  readonly side: MeetingSide;
  /** Milliseconds since 1970. */
  wallClock(): number;
  send(message: IntroductionMessage): void;
  /** Both sides are ready. Called at most once, and never after `refused`. */
  accepted(publicKey: Uint8Array | null): void;
  /**
   * Called at most once; nothing follows.
   * @param isFinal whether it was the application that does not want this peer. Else it was not proved to be that peer at all,
   *   and the one whose name was used may still come
   */
  refused(reason: string, isFinal: boolean): void;
};

export class Introduction {
  readonly #options: IntroductionOptions;
  /** What we know of the other side. `ended` is accepted, refused or closed. */
  #state: 'silent' | 'authorizing' | 'authorized' | 'ended' = 'silent';
  #publicKey: Uint8Array | null = null;
  #isPeerReady = false;

  constructor(options: IntroductionOptions) {
    this.#options = options;
  }

  /** Says hello. To be called once, when the channel is open. */
  start(): void {
    const { identity, meeting, side, wallClock, send } = this.#options;
    send({ introduction: 'hello', ...(identity && { proof: identity.prove(side, meeting, wallClock()) }) });
  }

  /** A message with a member `introduction`. */
  handle(message: { readonly introduction?: unknown; readonly proof?: unknown }): void {
    if (message.introduction === 'hello' && this.#state === 'silent') this.#handleHello(message.proof);
    else if (message.introduction === 'ready') {
      this.#isPeerReady = true;
      this.#finish();
    }
  }

  /** The connection is gone: nothing is called any more. */
  close(): void {
    this.#state = 'ended';
  }

  #handleHello(proof: unknown): void {
    const { identity, authorize, meeting, side, wallClock } = this.#options;
    if (identity !== undefined) {
      const otherSide = side === 'offerer' ? 'answerer' : 'offerer';
      this.#publicKey = identity.verify(proof, otherSide, meeting, wallClock());
      if (this.#publicKey === null) {
        this.#refuse(proof === undefined ? 'has no identity' : 'is not who it claims to be', false);
        return;
      }
    }
    this.#state = 'authorizing';
    if (authorize === undefined) this.#decide(true);
    else void this.#ask(authorize);
  }

  async #ask(authorize: NonNullable<IntroductionOptions['authorize']>): Promise<void> {
    try {
      this.#decide((await authorize(this.#publicKey)) === true);
    } catch (error) {
      this.#decide(false, `authorize failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #decide(isWanted: boolean, reason = 'was not authorized'): void {
    if (this.#state !== 'authorizing') return;
    if (!isWanted) {
      this.#refuse(reason, true);
      return;
    }
    this.#state = 'authorized';
    this.#options.send({ introduction: 'ready' });
    this.#finish();
  }

  #finish(): void {
    if (this.#state !== 'authorized' || !this.#isPeerReady) return;
    this.#state = 'ended';
    this.#options.accepted(this.#publicKey);
  }

  #refuse(reason: string, isFinal: boolean): void {
    this.#state = 'ended';
    this.#options.refused(reason, isFinal);
  }
}
