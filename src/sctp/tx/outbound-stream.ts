/** What is kept of an outgoing stream while it has messages, a sequence number or a reset under way. */
import { MessageList } from './outgoing-message.ts';

export class OutboundStream {
  readonly id: number;
  /** RFC 8831 §6.4 has 128, 256, 512 and 1024; 256 is "normal" in RFC 8835. */
  weight = 256;
  /** Messages not, or not fully, handed to the network. */
  readonly queue: MessageList = new MessageList();
  /** Messages given while a reset was under way. */
  readonly held: MessageList = new MessageList();
  /** A reset is asked for: new messages go to `held` (RFC 6525 §5.1.2, A1). */
  isResetting = false;
  /** Chunks that have a TSN and are not cumulatively acknowledged. */
  outstandingChunks = 0;
  /** The next stream sequence number (RFC 9260 §6.5). */
  nextSsn = 0;
  /** Bytes of messages in `queue` and `held` that were not handed to the network yet. */
  bufferedBytes = 0;
  /** Bytes that left `bufferedBytes` since this was last reported. */
  drainedBytes = 0;

  /** It is in the scheduler, or being sent from. */
  isScheduled = false;
  /** Its turn comes at this virtual time (`send-queue.ts`). */
  virtualStart = 0;
  /** The virtual time its last message paid for. */
  virtualFinish = 0;
  /** Decides between equal virtual times. */
  sequence = 0;

  constructor(id: number) {
    this.id = id;
  }
}
