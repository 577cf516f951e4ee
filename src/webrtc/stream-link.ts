/** A pair of streams as a transform, in this thread: PureRTC's addition to the specification. */
import { isObject } from '../webidl/conversions.ts';
import { type FrameRecord, frameSlots, makeFrame } from './encoded-frame.ts';
import type { PipeEnd, TransformLink } from './frame-pipe.ts';

/** A `TransformStream` of encoded frames, or what looks like one from outside. */
export interface TransformStreams {
  readonly readable: ReadableStream;
  readonly writable: WritableStream;
}

export function isStreamPair(value: unknown): value is TransformStreams {
  if (!isObject(value)) return false;
  const { readable, writable } = value as Partial<TransformStreams>;
  return typeof readable?.getReader === 'function' && typeof writable?.getWriter === 'function';
}

export class StreamLink implements TransformLink {
  readonly #reader: ReadableStreamDefaultReader;
  readonly #writer: WritableStreamDefaultWriter;
  #end: PipeEnd | null = null;

  /** @throws DOMException InvalidStateError for streams in use */
  constructor({ readable, writable }: TransformStreams) {
    if (readable.locked || writable.locked) throw new DOMException('The transform is in use', 'InvalidStateError');
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    for (const promise of [this.#reader.closed, this.#writer.closed, this.#writer.ready]) promise.catch(() => {});
  }

  connect(end: PipeEnd): void {
    this.#end = end;
    void this.#readAll(end);
  }

  give(record: FrameRecord): void {
    this.#writer.write(makeFrame(record, this)).then(
      () => this.#end?.taken(),
      () => this.#end?.failed(),
    );
  }

  offerKeyFrameRequest(): boolean {
    return false;
  }

  /** What the transform still has is read, so that its `flush` comes to an end. */
  end(): void {
    this.#writer.close().catch(() => {});
  }

  async #readAll(end: PipeEnd): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.#take(end, value);
      }
    } catch (error) {
      // "Writing bad chunks should error the stream"; where the stream itself is in error, this changes nothing.
      this.#reader.cancel(error).catch(() => {});
      this.#writer.abort(error).catch(() => {});
    }
    end.failed();
  }

  /** @throws TypeError for what is no frame, DOMException for data that has been transferred already */
  #take(end: PipeEnd, value: unknown): void {
    const slots = frameSlots(value);
    if (slots === null) throw new TypeError('A transform gives encoded frames');
    if (slots.owner !== this) end.ignored();
    else end.returned(slots.counter, () => structuredClone(slots.data, { transfer: [slots.data] }));
  }
}
