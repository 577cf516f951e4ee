/** The runtime we are on. */
import { bunRuntime } from './bun.ts';
import { denoRuntime } from './deno.ts';
import { nodeRuntime } from './node.ts';
import type { Runtime } from './runtime.ts';

/**
 * The same one at every call. None of the three touches the system before it is used, so that all of them load
 * anywhere; a runtime that is none of them is taken for Node and says what it lacks when a socket is opened.
 */
export function defaultRuntime(): Runtime {
  if ('Bun' in globalThis) return bunRuntime;
  if ('Deno' in globalThis) return denoRuntime;
  return nodeRuntime;
}
