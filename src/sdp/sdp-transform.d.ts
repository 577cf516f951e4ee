/** What we use of sdp-transform 3, which brings no types of its own. */
declare module 'sdp-transform' {
  type Word = string | number;

  /** A line it cannot read stands in `invalid`. Words that are numbers come as numbers. */
  export interface ParsedLines {
    readonly invalid?: readonly { readonly value: Word }[];
    readonly fingerprint?: { readonly type?: Word; readonly hash?: Word };
    /** The third word is called so, but is a number of streams. */
    readonly sctpmap?: { readonly sctpmapNumber?: Word; readonly app?: Word; readonly maxMessageSize?: Word };
  }

  /** Properties left out, or undefined, are not written. */
  interface WritableAttributes {
    iceUfrag?: string | undefined;
    icePwd?: string | undefined;
    iceOptions?: string | undefined;
    fingerprint?: { type: string; hash: string } | undefined;
    setup?: string | undefined;
    bandwidth?: { type: string; limit: number }[];
    /** Written as they are, after all others. */
    invalid?: { value: string }[];
  }

  export interface WritableSection extends WritableAttributes {
    type: string;
    port: number;
    protocol: string;
    payloads: string;
    connection?: { version: number; ip: string } | undefined;
    mid?: string | undefined;
    direction?: string | undefined;
    bundleOnly?: string | undefined;
    rtcpMux?: string | undefined;
    rtcpRsize?: string | undefined;
    sctpmap?: { sctpmapNumber: number; app: string; maxMessageSize: number } | undefined;
    sctpPort?: number | undefined;
    maxMessageSize?: number | undefined;
  }

  export interface WritableSession extends WritableAttributes {
    origin: {
      username: string;
      sessionId: string;
      sessionVersion: number;
      netType: string;
      ipVer: number;
      address: string;
    };
    name: string;
    timing: { start: number; stop: number };
    groups?: { type: string; mids: string }[];
    icelite?: string | undefined;
    extmapAllowMixed?: string | undefined;
    media: WritableSection[];
  }

  export function parse(sdp: string): ParsedLines;
  export function write(session: WritableSession): string;
}
