/** URIs of STUN servers (RFC 7064) and TURN servers (RFC 7065), as `RTCIceServer.urls` takes them. */

export type IceServerUrl = {
  readonly scheme: 'stun' | 'stuns' | 'turn' | 'turns';
  /** A name or an IP literal, without brackets. */
  readonly host: string;
  readonly port: number;
  /** `?transport=`; RFC 7065 §3.1: UDP for `turn`, TCP for `turns` when not given. STUN servers are asked over UDP. */
  readonly transport: 'udp' | 'tcp';
};

/** RFC 8489 §14.2 and RFC 8656 §5: STUN and TURN share their ports. */
const DEFAULT_PORT = 3478;
const DEFAULT_TLS_PORT = 5349;

/** scheme ":" host [ ":" port ] [ "?transport=" transport ], RFC 7064 §3.1 and RFC 7065 §3.1. */
const SYNTAX = /^(stuns?|turns?):([^?]+)(?:\?transport=(.+))?$/i;

/** `null` for what is not such a URI, or asks for a transport we do not know. */
export function parseIceServerUrl(text: string): IceServerUrl | null {
  const match = SYNTAX.exec(text);
  if (match === null) return null;
  const scheme = match[1]!.toLowerCase() as IceServerUrl['scheme'];
  const isTurn = scheme.startsWith('turn');
  const transport = match[3]?.toLowerCase();
  if (transport !== undefined && (!isTurn || (transport !== 'udp' && transport !== 'tcp'))) return null;
  const authority = parseAuthority(match[2]!);
  if (authority === null) return null;
  const secure = scheme.endsWith('s');
  return {
    scheme,
    host: authority.host,
    port: authority.port ?? (secure ? DEFAULT_TLS_PORT : DEFAULT_PORT),
    transport: (transport as 'udp' | 'tcp' | undefined) ?? (scheme === 'turns' ? 'tcp' : 'udp'),
  };
}

/**
 * `host [":" port]`, by way of the platform's URL parser, as the specification does it: that checks IPv6 literals, ports
 * and internationalised names. The scheme is one without a default port, so that no port is swallowed.
 */
function parseAuthority(text: string): { readonly host: string; readonly port: number | undefined } | null {
  if (/[/\\#@\s]/.test(text)) return null;
  let url: URL;
  try {
    url = new URL(`ws://${text}`);
  } catch {
    return null;
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === '') return null;
  const port = /:(\d+)$/.exec(text.replace(/^\[.*\]/, ''))?.[1]; // the parser drops `ws`'s own default, 80
  return { host, port: port === undefined ? undefined : Number(port) };
}
