/**
 * What a worker needs to run an RTCRtpScriptTransform: the door `purertc/worker`. Importing it makes the worker ready;
 * nothing of the rest of PureRTC comes with it.
 *
 * ```ts
 * import { workerScope } from 'purertc/worker';
 *
 * workerScope.onrtctransform = ({ transformer }) => {
 *   const encryption = new TransformStream({
 *     transform(frame, controller) {
 *       frame.data = encrypt(frame.data);
 *       controller.enqueue(frame);
 *     },
 *   });
 *   transformer.readable.pipeThrough(encryption).pipeTo(transformer.writable);
 * };
 * ```
 */
export {
  RTCEncodedAudioFrame,
  type RTCEncodedAudioFrameMetadata,
  type RTCEncodedAudioFrameOptions,
  type RTCEncodedFrameMetadata,
  RTCEncodedVideoFrame,
  type RTCEncodedVideoFrameMetadata,
  type RTCEncodedVideoFrameOptions,
} from '../webrtc/encoded-frame.ts';
export { KeyFrameRequestEvent } from './key-frame-request-event.ts';
export { RTCRtpScriptTransformer, type RTCRtpScriptTransformerEventMap } from './script-transformer.ts';
export { RTCTransformEvent } from './transform-event.ts';
export { type WorkerScope, type WorkerScopeEventMap, workerScope } from './worker-scope.ts';
