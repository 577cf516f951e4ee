/**
 * A transform in a worker without a test framework: in a worker of `node:worker_threads`, and where there are any, in a
 * Web Worker. Its last line is `ok`, and it ends by itself once the workers are gone.
 */
import { Worker as NodeWorker } from 'node:worker_threads';
import { FramePipe } from '../../src/webrtc/frame-pipe.ts';
import { RTCRtpScriptTransform, type TransformWorker } from '../../src/webrtc/script-transform.ts';

const script = new URL('transform-worker.mjs', import.meta.url);
type Terminable = TransformWorker & { terminate(): unknown };
const workers: Terminable[] = [new NodeWorker(script)];
if ('Worker' in globalThis) workers.push(new globalThis.Worker(script, { type: 'module' }));

for (const worker of workers) {
  const sent: number[] = [];
  const received: number[] = [];
  let done = (): void => {};
  const allReceived = new Promise<void>((resolve) => (done = resolve));
  const receiver = makePipe('receiver', worker, (number) => {
    if (received.push(number) === 10) done();
  });
  const sender = makePipe('sender', worker, (number, write) => {
    sent.push(number);
    write(receiver);
  });
  for (let i = 0; i < 10; i++) sender.write(frame(i), { mimeType: 'video/VP8', clockRate: 90_000 }, {});
  await allReceived;
  console.log(sent.join(), '→', received.join());
  if (sent[0] !== 0x77 || received.join() !== '0,1,2,3,4,5,6,7,8,9') throw new Error('not as they were written');
  sender.transform = null;
  receiver.close();
  worker.terminate();
}
console.log('ok');

function makePipe(
  side: 'sender' | 'receiver',
  worker: TransformWorker,
  deliver: (number: number, write: (to: FramePipe) => void) => void,
): FramePipe {
  const pipe = new FramePipe({
    kind: 'video',
    side,
    deliver: (frame, codec, encoding) => deliver(frame.data[0]!, (to) => to.write(frame, codec, encoding)),
    requestKeyFrame: () => {},
    layers: () => [{}],
  });
  pipe.transform = new RTCRtpScriptTransform(worker, { key: 0x77 });
  return pipe;
}

function frame(number: number): { type: 'key' | 'delta'; timestamp: number; data: Uint8Array } {
  return { type: number === 0 ? 'key' : 'delta', timestamp: number * 1e6, data: Uint8Array.of(number) };
}
