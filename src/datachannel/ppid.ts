/** SCTP payload protocol identifiers of WebRTC (RFC 8831 §8, RFC 8832 §8.1): what the bytes of a message are. */
export const PPID = {
  dcep: 50,
  string: 51,
  /** Deprecated. */
  binaryPartial: 52,
  binary: 53,
  /** Deprecated. */
  stringPartial: 54,
  stringEmpty: 56,
  binaryEmpty: 57,
} as const;
