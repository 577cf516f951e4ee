/**
 * Why a description is refused. `syntax`: it is not SDP (W3C: RTCError `sdp-syntax-error` with `sdpLineNumber`).
 * `content`: it is SDP, but cannot be an offer or answer here (W3C: InvalidAccessError).
 */
export class SdpError extends Error {
  override readonly name = 'SdpError';
  readonly code: 'syntax' | 'content';
  /** The line at fault, from 1; `null` when it is not about one line. */
  readonly line: number | null;

  constructor(code: 'syntax' | 'content', message: string, line: number | null = null) {
    super(line === null ? message : `line ${line}: ${message}`);
    this.code = code;
    this.line = line;
  }
}
