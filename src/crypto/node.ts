/** The provider over the runtime's own `node:crypto`, which Node, Deno and Bun have. */
import * as node from 'node:crypto';
import { createNodeCrypto } from './node-provider.ts';
import type { CryptoProvider } from './provider.ts';

/** Cryptography by OpenSSL (Node), BoringSSL (Bun) or Rust (Deno): the fastest there is without an addon. */
export const nodeCrypto: CryptoProvider = createNodeCrypto(node);
