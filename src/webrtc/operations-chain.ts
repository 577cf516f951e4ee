/** The operations chain of a connection (WebRTC §4.4.1.2): asynchronous methods run one after the other. */

type Operation = () => Promise<void>;

export class OperationsChain {
  /** [[Operations]]; the first one is running. */
  #operations: Operation[] = [];
  #isClosed = false;
  /** [[UpdateNegotiationNeededFlagOnEmptyChain]]. */
  #updateNegotiationNeededWhenEmpty = false;
  readonly #updateNegotiationNeeded: () => void;

  constructor(updateNegotiationNeeded: () => void) {
    this.#updateNegotiationNeeded = updateNegotiationNeeded;
  }

  get isEmpty(): boolean {
    return this.#operations.length === 0;
  }

  /** The negotiation-needed flag is to be looked at again when the chain has run out. */
  updateNegotiationNeededWhenEmpty(): void {
    this.#updateNegotiationNeededWhenEmpty = true;
  }

  /**
   * "Chain an asynchronous operation". Rejects with `InvalidStateError` when closed; a promise still pending when the
   * connection closes is never settled.
   */
  chain<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#isClosed) {
      return Promise.reject(new DOMException('The connection is closed', 'InvalidStateError'));
    }
    return new Promise<T>((resolve, reject) => {
      this.#operations.push(async () => {
        try {
          const value = await operation();
          if (!this.#isClosed) resolve(value);
        } catch (error) {
          if (!this.#isClosed) reject(error);
        }
      });
      if (this.#operations.length === 1) void this.#runFirst();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#operations = [];
  }

  async #runFirst(): Promise<void> {
    await this.#operations[0]!();
    // "Upon fulfillment or rejection of p": one reaction after p's own, so that the caller's code comes first.
    await undefined;
    if (this.#isClosed) return;
    this.#operations.shift();
    if (this.#operations.length > 0) {
      void this.#runFirst();
    } else if (this.#updateNegotiationNeededWhenEmpty) {
      this.#updateNegotiationNeededWhenEmpty = false;
      this.#updateNegotiationNeeded();
    }
  }
}
