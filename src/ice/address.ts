/** Transport addresses as the whole stack names them. */

/** Where a datagram comes from or goes to. */
export type SocketAddress = {
  /** An IPv4 or IPv6 literal, never a name. */
  readonly address: string;
  /** 1–65535. */
  readonly port: number;
};
