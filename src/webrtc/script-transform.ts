/** RTCRtpScriptTransform (WebRTC Encoded Transform §6): a transform that runs in a worker. */
import { type Conversion, exposeInterface, isObject, requireArguments, sequence } from '../webidl/conversions.ts';
import type { FrameRecord } from './encoded-frame.ts';
import type { PipeEnd, Settle, TransformLink } from './frame-pipe.ts';
import { announcement, type FromWorker, type ToWorker } from './transform-messages.ts';

/** A Web Worker, or a Worker of `node:worker_threads`. */
export interface TransformWorker {
  // biome-ignore lint/suspicious/noExplicitAny: the types of lib.dom, of Node and of Deno differ in the second argument
  postMessage(message: any, transfer: any): void;
}

let linkOf: (transform: RTCRtpScriptTransform) => ScriptLink;

export class RTCRtpScriptTransform {
  readonly #link: ScriptLink;

  static {
    linkOf = (transform) => transform.#link;
    exposeInterface(RTCRtpScriptTransform, 'RTCRtpScriptTransform', 1);
  }

  /**
   * An `rtctransform` event comes to the worker, which has imported `purertc/worker`.
   * @param options what its transformer shows as `options`; cloned
   * @param transfer which objects in it move to the worker
   * @throws TypeError for what is no worker
   * @throws DOMException DataCloneError for options that cannot be posted
   */
  constructor(worker: TransformWorker, options?: unknown, transfer?: readonly object[]) {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'RTCRtpScriptTransform');
    const target = toWorker(worker, 'worker');
    const moved = transfer === undefined ? [] : sequence(toObject)(transfer, 'transfer');
    const { port1, port2 } = new MessageChannel();
    target.postMessage(announcement(port2, options), [port2, ...moved]);
    this.#link = new ScriptLink(port1);
  }
}

const toObject: Conversion<object> = (value, what) => {
  if (!isObject(value)) throw new TypeError(`${what}: expected an object`);
  return value;
};

const toWorker: Conversion<TransformWorker> = (value, what) => {
  const { postMessage, addEventListener, on } = toObject(value, what) as Record<string, unknown>;
  if (typeof postMessage !== 'function' || (typeof addEventListener !== 'function' && typeof on !== 'function')) {
    throw new TypeError(`${what}: expected a Worker`);
  }
  return value as TransformWorker;
};

/** Claims it for a pipe. @throws DOMException InvalidStateError when one has it, or had it */
export function scriptLink(transform: RTCRtpScriptTransform): TransformLink {
  const link = linkOf(transform);
  if (link.isClaimed) throw new DOMException('The transform was set elsewhere already', 'InvalidStateError');
  link.isClaimed = true;
  return link;
}

/** Our end of the port. */
class ScriptLink implements TransformLink {
  isClaimed = false;
  readonly #port: MessagePort;
  #end: PipeEnd | null = null;
  #isOver = false;
  #listensForKeyFrameRequests = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data);
    // A transform alone is no reason for a process to go on.
    (port as { unref?: () => void }).unref?.();
  }

  connect(end: PipeEnd): void {
    this.#end = end;
  }

  give(record: FrameRecord): void {
    this.#post({ kind: 'frame', record }, [record.data]);
  }

  offerKeyFrameRequest(rid: string | null): boolean {
    if (this.#listensForKeyFrameRequests) this.#post({ kind: 'keyFrameRequest', rid });
    return this.#listensForKeyFrameRequests;
  }

  /** The other end closes the port, once it has read that. */
  end(): void {
    if (this.#isOver) return;
    this.#post({ kind: 'end' });
    this.#isOver = true;
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#isOver) this.#port.postMessage(message, transfer);
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case 'taken':
        this.#end?.taken();
        break;
      case 'frame':
        this.#end?.returned(message.counter, () => message.data);
        break;
      case 'ignored':
        this.#end?.ignored();
        break;
      case 'failed':
        this.#end?.failed();
        break;
      case 'listensForKeyFrameRequests':
        this.#listensForKeyFrameRequests = true;
        break;
      case 'generateKeyFrame': {
        const settle = this.#settle(message.id);
        if (this.#end === null) settle(unused());
        else this.#end.generateKeyFrame(message.rid, settle);
        break;
      }
      case 'sendKeyFrameRequest': {
        const settle = this.#settle(message.id);
        if (this.#end === null) settle(unused());
        else this.#end.sendKeyFrameRequest(settle);
        break;
      }
      default:
        message satisfies never;
    }
  }

  #settle(id: number | null): Settle {
    return (error, timestamp) => {
      if (id === null) return;
      const record = error === null ? null : { name: error.name, message: error.message };
      this.#post({ kind: 'settled', id, error: record, timestamp });
    };
  }
}

function unused(): DOMException {
  return new DOMException('No sender or receiver has this transform', 'InvalidStateError');
}
