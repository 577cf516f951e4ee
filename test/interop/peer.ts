/** A peer that a scenario can drive, wherever it runs: in this process, in another one, or in a browser's page. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Agent, type AgentEvent, createAgent } from './agent.mjs';
import type { ImplementationName, Runtime } from './implementations.mjs';

/**
 * What a stack may be unable to do at its own end, so that a scenario asks only the other end for it. PureRTC and the
 * browsers are asked for everything.
 */
export type Inability =
  | 'send Blobs'
  | 'send empty messages'
  | 'tell the kind of a channel' // ordered, maxRetransmits, maxPacketLifeTime, id as attributes, once it is open
  | 'send labels in UTF-8'
  | 'send partially reliable unordered channels' // the unordered bit is lost in DCEP
  | 'flush on close' // close() drops what has not been sent yet
  | 'tell the peer that it closed';

export interface Peer {
  /** As it appears in test titles. */
  readonly name: string;
  readonly cannot: ReadonlySet<Inability>;
  readonly agent: Agent;
  /** Called with every event from now on; returns what ends that. */
  onEvent(listener: (event: AgentEvent) => void): () => void;
  /** Exceptions that escaped from the stack since the last call. */
  takeFaults(): string[];
  dispose(): Promise<void>;
}

export class EventRelay {
  readonly #listeners: Set<(event: AgentEvent) => void> = new Set();

  emit(event: AgentEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  add(listener: (event: AgentEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** An Agent whose methods are carried by `call`. */
export function remoteAgent(call: (method: string, params: unknown) => Promise<unknown>): Agent {
  return new Proxy({} as Agent, {
    // `then` must stay absent: an agent is returned from async functions and is no promise.
    get: (_, method) => (method === 'then' ? undefined : (params: unknown) => call(String(method), params ?? null)),
  });
}

/** A peer in this process. */
export function localPeer(
  name: string,
  implementation: { RTCPeerConnection: typeof RTCPeerConnection },
  cannot: readonly Inability[] = [],
): Peer {
  const events = new EventRelay();
  const agent = createAgent({ ...implementation, emit: (event) => events.emit(event) });
  return {
    name,
    cannot: new Set(cannot),
    agent,
    onEvent: (listener) => events.add(listener),
    takeFaults: () => [],
    dispose: () => agent.reset(),
  };
}

const PREFIX = '@agent ';
const PEER_PROCESS: string = fileURLToPath(new URL('./peer-process.mjs', import.meta.url));

type Reply = {
  id?: number;
  result?: unknown;
  error?: string;
  event?: AgentEvent;
  fault?: string;
  ready?: { name: string; runtime: string };
};

/** A peer in a child process. Resolves when its stack is loaded; rejects with what it printed when that fails. */
export async function processPeer(
  name: string,
  implementation: ImplementationName,
  runtime: Runtime,
  cannot: readonly Inability[] = [],
): Promise<Peer> {
  const child = spawn(runtime.command, [...runtime.args, PEER_PROCESS, '--impl', implementation], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const events = new EventRelay();
  const calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 1;
  let faults: string[] = [];
  let noise = '';
  const keepNoise = (text: string): void => {
    noise = (noise + text).slice(-2000);
  };
  child.stderr.setEncoding('utf8').on('data', keepNoise);
  const agent = remoteAgent(
    (method, params) =>
      new Promise((resolve, reject) => {
        if (child.exitCode !== null) return reject(new Error(`${name} has exited: ${noise}`));
        const id = nextId++;
        calls.set(id, { resolve, reject: (error) => reject(new Error(`${name}: ${error.message}`)) });
        child.stdin.write(`${JSON.stringify({ id, method, params })}\n`);
      }),
  );

  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      const error = new Error(`${name} exited with ${code ?? signal}: ${noise}`);
      reject(error);
      for (const call of calls.values()) call.reject(error);
      calls.clear();
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith(PREFIX)) return keepNoise(`${line}\n`);
      const reply = JSON.parse(line.slice(PREFIX.length)) as Reply;
      if (reply.ready !== undefined) resolve();
      if (reply.event !== undefined) events.emit(reply.event);
      if (reply.fault !== undefined) faults.push(reply.fault);
      if (reply.id === undefined) return;
      const call = calls.get(reply.id);
      calls.delete(reply.id);
      if (reply.error !== undefined) call?.reject(new Error(reply.error));
      else call?.resolve(reply.result);
    });
  });

  return {
    name,
    cannot: new Set(cannot),
    agent,
    onEvent: (listener) => events.add(listener),
    takeFaults() {
      const taken = faults;
      faults = [];
      return taken;
    },
    dispose: () => stop(child),
  };
}

/** Ends a child politely, and after two seconds not. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.stdin?.end();
  });
}
