/** The door for workers in browsers: the same names, and behind them the browser's own. */
export type * from './index.ts';

type Own = typeof import('./index.ts');

export const KeyFrameRequestEvent: Own['KeyFrameRequestEvent'] = /* @__PURE__ */ own('KeyFrameRequestEvent');
export const RTCEncodedAudioFrame: Own['RTCEncodedAudioFrame'] = /* @__PURE__ */ own('RTCEncodedAudioFrame');
export const RTCEncodedVideoFrame: Own['RTCEncodedVideoFrame'] = /* @__PURE__ */ own('RTCEncodedVideoFrame');
export const RTCRtpScriptTransformer: Own['RTCRtpScriptTransformer'] = /* @__PURE__ */ own('RTCRtpScriptTransformer');
export const RTCTransformEvent: Own['RTCTransformEvent'] = /* @__PURE__ */ own('RTCTransformEvent');

/** `self`. */
export const workerScope: Own['workerScope'] = globalThis as never;

function own<Class>(name: string): Class {
  return (globalThis as Record<string, unknown>)[name] as Class;
}
