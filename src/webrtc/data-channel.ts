/**
 * RTCDataChannel (WebRTC §6.2): what a script sees of a data channel. What the connection does to it stands in
 * `data-channel-procedures.ts`; both share the slots.
 */
import type { Channel } from '../datachannel/index.ts';
import {
  enforceUnsignedLong,
  exposeInterface,
  requireArguments,
  requireInternal,
  toDOMString,
  toUSVString,
} from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import type { RTCErrorEvent } from './error-event.ts';

export type RTCDataChannelState = 'connecting' | 'open' | 'closing' | 'closed';
export type RTCPriorityType = 'very-low' | 'low' | 'medium' | 'high';
export type BinaryType = 'arraybuffer' | 'blob';

export interface RTCDataChannelEventMap {
  open: Event;
  message: MessageEvent;
  bufferedamountlow: Event;
  closing: Event;
  close: Event;
  error: RTCErrorEvent;
}

/** What was asked for, by us or by the peer. */
export type DataChannelParameters = {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  readonly maxPacketLifeTime: number | null;
  readonly maxRetransmits: number | null;
  readonly negotiated: boolean;
  /** Of a negotiated channel. */
  readonly id: number | null;
  readonly priority: RTCPriorityType;
};

/** What a channel needs of its connection. */
export interface DataChannelHost {
  /** [[SctpTransport]].[[MaxMessageSize]], in bytes. */
  readonly maxMessageSize: number;
  /** Calls into the session. Does nothing when there is none. */
  use(call: (now: number) => void): void;
  /** Ends a channel that has no underlying transport yet. */
  closeUnbound(): void;
}

/** The internal slots. */
export type DataChannelSlots = {
  /** Which of the connection's channels it is, for statistics. */
  readonly number: number;
  readonly parameters: DataChannelParameters;
  readonly host: DataChannelHost;
  /** The underlying data transport; `null` until the connection has a session. */
  underlying: Channel | null;
  /** The id it had, once there is nothing beneath any more. */
  lastId: number | null;
  readyState: RTCDataChannelState;
  bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  binaryType: BinaryType;
  /**
   * Reading a Blob takes time. While one is being read, what is sent after it waits here: settles when all of it has
   * been handed on. `null` when nothing waits.
   */
  reading: Promise<void> | null;
};

/**
 * Bound on [[BufferedAmount]] of one channel, in bytes; beyond it `send` throws OperationError, unless the buffer is
 * empty. Chromium's limit too: programs that fill up to the error are written for it.
 */
export const MAX_BUFFERED_AMOUNT: number = 16 * 1024 * 1024;

interface RTCDataChannelHandlers {
  get onopen(): AnyEventHandler;
  set onopen(handler: EventHandler<Event>);
  get onmessage(): AnyEventHandler;
  set onmessage(handler: EventHandler<MessageEvent>);
  get onbufferedamountlow(): AnyEventHandler;
  set onbufferedamountlow(handler: EventHandler<Event>);
  get onclosing(): AnyEventHandler;
  set onclosing(handler: EventHandler<Event>);
  get onclose(): AnyEventHandler;
  set onclose(handler: EventHandler<Event>);
  get onerror(): AnyEventHandler;
  set onerror(handler: EventHandler<RTCErrorEvent>);
}

const Target: TypedEventTargetConstructor<RTCDataChannelEventMap, RTCDataChannelHandlers> = EventTarget as never;
const encoder = new TextEncoder();

export class RTCDataChannel extends Target {
  readonly #slots: DataChannelSlots;

  static {
    defineEventHandlers(RTCDataChannel, ['open', 'message', 'bufferedamountlow', 'closing', 'close', 'error']);
    exposeInterface(RTCDataChannel, 'RTCDataChannel', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, slots: DataChannelSlots) {
    requireInternal(key);
    super();
    this.#slots = slots;
  }

  get label(): string {
    return this.#slots.parameters.label;
  }

  get ordered(): boolean {
    return this.#slots.parameters.ordered;
  }

  /** Milliseconds. */
  get maxPacketLifeTime(): number | null {
    return this.#slots.parameters.maxPacketLifeTime;
  }

  get maxRetransmits(): number | null {
    return this.#slots.parameters.maxRetransmits;
  }

  get protocol(): string {
    return this.#slots.parameters.protocol;
  }

  get negotiated(): boolean {
    return this.#slots.parameters.negotiated;
  }

  /** `null` until the DTLS role is known, which decides it for channels that are announced in-band. */
  get id(): number | null {
    return this.#slots.parameters.id ?? this.#slots.underlying?.id ?? this.#slots.lastId;
  }

  /** From the WebRTC Priority Control API. */
  get priority(): RTCPriorityType {
    return this.#slots.parameters.priority;
  }

  get readyState(): RTCDataChannelState {
    return this.#slots.readyState;
  }

  /** Bytes given to `send` that have not left for the network yet. Keeps its value when the channel closes. */
  get bufferedAmount(): number {
    return this.#slots.bufferedAmount;
  }

  get bufferedAmountLowThreshold(): number {
    return this.#slots.bufferedAmountLowThreshold;
  }

  set bufferedAmountLowThreshold(value: number) {
    this.#slots.bufferedAmountLowThreshold = enforceUnsignedLong(value, 'bufferedAmountLowThreshold');
  }

  get binaryType(): BinaryType {
    return this.#slots.binaryType;
  }

  /** An enum attribute: what is not one of its values is ignored. */
  set binaryType(value: BinaryType) {
    const slots = this.#slots; // on anything but a channel this throws, whatever the value
    const type = toDOMString(value, 'binaryType');
    if (type === 'arraybuffer' || type === 'blob') slots.binaryType = type;
  }

  /** "The closing procedure": what was sent before still goes out first. */
  close(): void {
    const slots = this.#slots;
    if (slots.readyState === 'closing' || slots.readyState === 'closed') return;
    slots.readyState = 'closing';
    if (slots.underlying === null) slots.host.closeUnbound();
    else afterReading(slots, () => slots.host.use((now) => slots.underlying?.close(now)));
  }

  /**
   * @throws DOMException InvalidStateError when the channel is not open, OperationError when the buffer is full
   * @throws TypeError when the message is larger than the peer takes
   */
  send(data: string | Blob | ArrayBuffer | ArrayBufferView<ArrayBuffer>): void {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'RTCDataChannel.send');
    const slots = this.#slots;
    const message = toMessage(data);
    if (slots.readyState !== 'open') {
      throw new DOMException(`RTCDataChannel.readyState is '${slots.readyState}'`, 'InvalidStateError');
    }
    const size = message instanceof Blob ? message.size : message.bytes.length;
    const { maxMessageSize } = slots.host;
    if (size > maxMessageSize) {
      throw new TypeError(`A message of ${size} bytes is larger than maxMessageSize, ${maxMessageSize}`);
    }
    if (slots.bufferedAmount > 0 && slots.bufferedAmount + size > MAX_BUFFERED_AMOUNT) {
      throw new DOMException('RTCDataChannel send queue is full', 'OperationError');
    }
    slots.bufferedAmount += size;
    if (message instanceof Blob) readAndHandOver(slots, message);
    else afterReading(slots, () => handOver(slots, message.bytes, message.isText));
  }
}

type Message = { readonly bytes: Uint8Array; readonly isText: boolean };

/** The overloads of `send`: what is neither a Blob nor a buffer becomes a string. */
function toMessage(data: unknown): Message | Blob {
  if (data instanceof Blob) return data;
  if (data instanceof ArrayBuffer) return { bytes: new Uint8Array(data.slice(0)), isText: false };
  if (ArrayBuffer.isView(data)) {
    if (!(data.buffer instanceof ArrayBuffer)) throw new TypeError('RTCDataChannel.send: shared memory cannot be sent');
    return {
      bytes: new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)),
      isText: false,
    };
  }
  return { bytes: encoder.encode(toUSVString(data, 'RTCDataChannel.send')), isText: true };
}

/** Gives a message to the underlying transport, which takes `bytes` over. */
function handOver(slots: DataChannelSlots, bytes: Uint8Array, isText: boolean): void {
  slots.host.use((now) => {
    // The transport may have closed before the task that will say so: the message is lost, as any on its way.
    if (slots.underlying?.state === 'open') slots.underlying.send(bytes, isText, now);
  });
}

function readAndHandOver(slots: DataChannelSlots, blob: Blob): void {
  const content = blob.arrayBuffer();
  content.catch(() => {}); // looked at below, in its turn
  const before = slots.reading ?? Promise.resolve();
  wait(slots, async () => {
    await before;
    handOver(slots, new Uint8Array(await content), false);
  });
}

/** Does `step` now, or once all Blobs sent before have been read. */
function afterReading(slots: DataChannelSlots, step: () => void): void {
  const { reading } = slots;
  if (reading === null) step();
  else wait(slots, () => reading.then(step));
}

/** Makes `work` the last thing that what comes next has to wait for. A Blob that cannot be read closes the channel. */
function wait(slots: DataChannelSlots, work: () => Promise<void>): void {
  const reading = work()
    .catch(() => slots.host.use((now) => slots.underlying?.close(now)))
    .then(() => {
      if (slots.reading === reading) slots.reading = null;
    });
  slots.reading = reading;
}
