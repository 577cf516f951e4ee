/**
 * A worker with transforms, for encoded-transform.test.ts and transform-portable.ts. What a transform does is in its
 * options: `key` to XOR with, `port` for what the test wants to know or have done.
 */
import { ownEntry } from '../interop/implementations.mjs';

const { workerScope, RTCEncodedVideoFrame } = await import(ownEntry('worker/index'));

workerScope.onrtctransform = ({ transformer }) => {
  const { key = 0, port, behaviour = 'pipe', decidesKeyFrames = false } = transformer.options ?? {};
  const tell = (message) => port?.postMessage(message);
  if (decidesKeyFrames) {
    transformer.onkeyframerequest = (event) => {
      tell({ kind: 'keyframerequest', rid: event.rid });
      if (event.rid === 'refused') event.preventDefault();
    };
  }
  if (port) {
    port.onmessage = async ({ data: { method, rid } }) => {
      try {
        const value = await (rid === undefined ? transformer[method]() : transformer[method](rid));
        tell({ kind: 'settled', method, value });
      } catch (error) {
        tell({ kind: 'settled', method, error: error.name });
      }
    };
  }
  run(transformer, key, behaviour, tell).then(
    () => tell({ kind: 'end' }),
    (error) => tell({ kind: 'error', name: error.name }),
  );
  tell({ kind: 'started' });
};

async function run(transformer, key, behaviour, tell) {
  if (behaviour === 'pipes' || behaviour === 'throws') {
    const transform = (frame, controller) => {
      if (behaviour === 'throws') throw new RangeError('no key');
      frame.data = xor(frame.data, key);
      controller.enqueue(frame);
    };
    const { readable, writable } = transformer;
    return readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable);
  }
  const reader = transformer.readable.getReader();
  const writer = transformer.writable.getWriter();
  if (behaviour === 'never reads') return;
  for (;;) {
    const { done, value: frame } = await reader.read();
    if (done) return;
    if (behaviour === 'bad chunk') await writer.write({ data: frame.data });
    if (behaviour === 'drops delta' && frame.type === 'delta') continue;
    if (behaviour === 'copies') await writer.write(new RTCEncodedVideoFrame(frame));
    frame.data = xor(frame.data, key);
    tell({ kind: 'frame', type: frame.type, metadata: frame.getMetadata() });
    writer.write(frame).catch(() => {});
    if (behaviour === 'twice') writer.write(frame).catch(() => {});
  }
}

function xor(data, key) {
  return new Uint8Array(data).map((byte) => byte ^ key).buffer;
}
