/** RTCRtpScriptTransformer (WebRTC Encoded Transform §6): a transform as its worker sees it. */

import { exposeInterface, requireInternal, toDOMString } from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import {
  type FrameRecord,
  frameSlots,
  makeFrame,
  type RTCEncodedAudioFrame,
  type RTCEncodedVideoFrame,
} from '../webrtc/encoded-frame.ts';
import type { ErrorRecord, FromWorker, ToWorker } from '../webrtc/transform-messages.ts';
import { KeyFrameRequestEvent } from './key-frame-request-event.ts';

export interface RTCRtpScriptTransformerEventMap {
  keyframerequest: KeyFrameRequestEvent;
}

interface Handlers {
  get onkeyframerequest(): AnyEventHandler;
  set onkeyframerequest(handler: EventHandler<KeyFrameRequestEvent>);
}

type Frame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;
type Waiter = { readonly resolve: (timestamp: number | undefined) => void; readonly reject: (error: unknown) => void };

const Target: TypedEventTargetConstructor<RTCRtpScriptTransformerEventMap, Handlers> = EventTarget as never;

export class RTCRtpScriptTransformer extends Target {
  readonly #port: MessagePort;
  readonly #options: unknown;
  readonly #readable: ReadableStream<Frame>;
  readonly #writable: WritableStream<Frame>;
  #controller!: ReadableStreamDefaultController<Frame>;
  /** What has not been read; the other side has a bound on it. */
  readonly #waiting: FrameRecord[] = [];
  #isWanted = false;
  #isCancelled = false;
  #isOver = false;
  #lastWritten = 0;
  #listens = false;
  /** Calls that wait for an answer, by id; as many as the application makes. */
  readonly #calls = new Map<number, Waiter>();
  #lastCall = 0;

  static {
    defineEventHandlers(RTCRtpScriptTransformer, ['keyframerequest']);
    exposeInterface(RTCRtpScriptTransformer, 'RTCRtpScriptTransformer', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, port: MessagePort, options: unknown) {
    requireInternal(key);
    super();
    this.#port = port;
    this.#options = options;
    // Streams that end from this side are the end of the transform, as those are that fail.
    const fail = (): void => this.#post({ kind: 'failed' });
    this.#readable = new ReadableStream<Frame>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#isWanted = true;
          this.#giveNext();
        },
        cancel: () => {
          this.#isCancelled = true;
          this.#waiting.length = 0;
          fail();
        },
      },
      { highWaterMark: 0 }, // what is enqueued has been asked for, and counts as read
    );
    this.#writable = new WritableStream<Frame>(
      { write: (frame) => this.#write(frame), abort: fail, close: fail },
      { highWaterMark: Infinity }, // "to explicitly disable backpressure"
    );
    port.onmessage = ({ data }: MessageEvent<ToWorker>) => this.#take(data);
  }

  /** What was passed to the constructor of the RTCRtpScriptTransform. */
  get options(): unknown {
    return this.#options;
  }

  /** The frames, in order. Ends when the transform is taken off, or the connection is closed. */
  get readable(): ReadableStream<Frame> {
    return this.#readable;
  }

  /** Where they go on. Frames that are not written are dropped. */
  get writable(): WritableStream<Frame> {
    return this.#writable;
  }

  /**
   * Has the sender make key frames: of one encoding, or of all. Resolves just before the last of them can be read, with its
   * RTP timestamp.
   * @throws DOMException InvalidStateError unless a video sender has the transform, NotFoundError when nothing is sent
   * @throws TypeError for a malformed rid
   */
  async generateKeyFrame(rid?: string): Promise<number> {
    const wanted = rid === undefined ? null : toDOMString(rid, 'rid');
    const timestamp = await this.#call((id) => ({ kind: 'generateKeyFrame', id, rid: wanted }));
    return timestamp!;
  }

  /**
   * Asks the peer for a key frame.
   * @throws DOMException InvalidStateError unless a video receiver has the transform
   */
  async sendKeyFrameRequest(): Promise<void> {
    await this.#call((id) => ({ kind: 'sendKeyFrameRequest', id }));
  }

  /** Only those who listen decide about key frames: for the others the other thread does. */
  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    super.addEventListener(...args);
    if (args[0] !== 'keyframerequest' || this.#listens) return;
    this.#listens = true;
    this.#post({ kind: 'listensForKeyFrameRequests' });
  }

  #take(message: ToWorker): void {
    switch (message.kind) {
      case 'frame':
        if (this.#isCancelled) break;
        this.#waiting.push(message.record);
        this.#giveNext();
        break;
      case 'settled':
        this.#settle(message.id, message.error, message.timestamp);
        break;
      case 'keyFrameRequest':
        this.#decideAbout(message.rid);
        break;
      case 'end':
        this.#end();
        break;
      default:
        message satisfies never;
    }
  }

  #giveNext(): void {
    if (!this.#isWanted) return;
    const record = this.#waiting.shift();
    if (record !== undefined) {
      this.#isWanted = false;
      this.#post({ kind: 'taken' });
      this.#controller.enqueue(makeFrame(record, this));
    } else if (this.#isOver) {
      this.#controller.close();
    }
  }

  /** "writeEncodedData". @throws TypeError for what is no frame, DOMException for data that was transferred already */
  #write(frame: unknown): void {
    try {
      const slots = frameSlots(frame);
      if (slots === null) throw new TypeError('A transform writes encoded frames');
      if (slots.owner !== this || slots.counter <= this.#lastWritten) {
        this.#post({ kind: 'ignored' });
        return;
      }
      this.#post({ kind: 'frame', counter: slots.counter, data: slots.data }, [slots.data]);
      this.#lastWritten = slots.counter;
    } catch (error) {
      this.#post({ kind: 'failed' });
      throw error;
    }
  }

  #decideAbout(rid: string | null): void {
    const event =
      rid === null ? new KeyFrameRequestEvent('keyframerequest') : new KeyFrameRequestEvent('keyframerequest', rid);
    if (this.dispatchEvent(event)) this.#post({ kind: 'generateKeyFrame', id: null, rid });
  }

  #call(messageOf: (id: number) => FromWorker): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastCall;
      this.#calls.set(id, { resolve, reject });
      if (this.#isOver) this.#settle(id, overError());
      else this.#post(messageOf(id));
    });
  }

  #settle(id: number, error: ErrorRecord | null, timestamp?: number): void {
    const waiter = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === null) waiter?.resolve(timestamp);
    else waiter?.reject(toError(error));
  }

  /** What waits can still be read, and written into the void. */
  #end(): void {
    this.#isOver = true;
    this.#port.close();
    for (const id of [...this.#calls.keys()]) this.#settle(id, overError());
    if (this.#waiting.length === 0 && !this.#isCancelled) this.#controller.close();
  }

  #post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#isOver) this.#port.postMessage(message, transfer);
  }
}

function toError({ name, message }: ErrorRecord): Error {
  return name === 'TypeError' ? new TypeError(message) : new DOMException(message, name);
}

function overError(): DOMException {
  return new DOMException('The transform is not in use any more', 'InvalidStateError');
}
