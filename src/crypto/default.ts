/**
 * The best provider the runtime has. For the edges (`runtime/`, `webrtc/`, `cli/`): a protocol machine is given its
 * provider. There is no `node:` import in here, so a bundle for the browser or an edge runtime builds.
 */
import type * as NodeCrypto from 'node:crypto';
import { nobleCrypto } from './noble.ts';
import { createNodeCrypto } from './node-provider.ts';
import type { CryptoProvider } from './provider.ts';

let chosen: CryptoProvider | undefined;

/** The provider over `node:crypto` where the runtime has it, noble elsewhere. The same one at every call. */
export function defaultCrypto(): CryptoProvider {
  chosen ??= createFromBuiltin() ?? nobleCrypto;
  return chosen;
}

/** `process.getBuiltinModule` (Node 20.16, Deno 2.1, Bun 1.1.37 and later) needs no import and no promise. */
function createFromBuiltin(): CryptoProvider | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } };
  try {
    const node = process?.getBuiltinModule?.('node:crypto') as typeof NodeCrypto | undefined;
    return typeof node?.createCipheriv === 'function' ? createNodeCrypto(node) : undefined;
  } catch {
    return undefined;
  }
}
