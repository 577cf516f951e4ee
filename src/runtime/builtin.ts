/**
 * The runtime's own modules, fetched when they are first needed. Node, Deno and Bun share the `node:` ones; without an
 * import statement this folder loads anywhere, and what is missing is an error for whoever opens a socket.
 */
import type * as Dgram from 'node:dgram';
import type * as Dns from 'node:dns';
import type * as Fs from 'node:fs';
import type * as Net from 'node:net';
import type * as Os from 'node:os';
import type * as Tls from 'node:tls';

type Builtins = {
  'node:dgram': typeof Dgram;
  'node:dns': typeof Dns;
  'node:fs': typeof Fs;
  'node:net': typeof Net;
  'node:os': typeof Os;
  'node:tls': typeof Tls;
};

/**
 * `process.getBuiltinModule` is in Node 20.16, Deno 2.1 and Bun 1.1.37 and later.
 * @throws Error when this runtime has no such module
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const module = process?.getBuiltinModule?.(name);
  if (module === undefined || module === null) {
    throw new Error(
      `this runtime has no ${name}: PureRTC needs Node 20.19+, Deno 2.1+ or Bun 1.2+, or a Runtime of yours`,
    );
  }
  return module as Builtins[Name];
}
