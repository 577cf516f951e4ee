/**
 * An interop agent in a process of its own: `node peer-process.mjs --impl <name>`, on any runtime.
 * Control goes over stdin and stdout, one JSON value a line; what else the stack prints is left alone by the prefix.
 */

import process from 'node:process';
import { createInterface } from 'node:readline';
import { createAgent } from './agent.mjs';
import { loadImplementation } from './implementations.mjs';

/** Marks a line as ours: native stacks log to stdout too. */
const PREFIX = '@agent ';

function write(value) {
  process.stdout.write(`${PREFIX}${JSON.stringify(value)}\n`);
}

const name = process.argv[process.argv.indexOf('--impl') + 1] ?? 'purertc';
const { RTCPeerConnection } = await loadImplementation(name);
const agent = createAgent({ RTCPeerConnection, emit: (event) => write({ event }) });

// A stack that throws out of a packet handler must not take the scenario's answer with it.
process.on('uncaughtException', (error) => write({ fault: String(error?.stack ?? error) }));
process.on('unhandledRejection', (error) => write({ fault: String(error?.stack ?? error) }));

const lines = createInterface({ input: process.stdin });
lines.on('line', async (line) => {
  const { id, method, params } = JSON.parse(line);
  try {
    write({ id, result: (await agent[method](params)) ?? null });
  } catch (error) {
    write({ id, error: String(error?.message ?? error) });
  }
});
lines.on('close', async () => {
  await agent.reset().catch(() => {});
  // Some rivals keep the process alive after close().
  process.exit(0);
});
write({ ready: { name, runtime: `${process.release?.name ?? 'runtime'} ${process.version}` } });
