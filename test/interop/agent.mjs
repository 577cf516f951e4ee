/**
 * One end of an interop test, over nothing but the W3C API. The same file runs in a browser page, in the test process
 * and in child processes on Node, Deno and Bun, so a scenario is written once, for whatever is at the other end.
 * Every method takes one JSON value and resolves with one, because most callers are on the far side of a pipe.
 * Types: agent.d.mts.
 */

/** Sending stops at this much and goes on at half of it: enough to keep a fast stack busy, bounded for a slow one. */
const SEND_BUFFER_BYTES = 1 << 20;

/** Code points of one, two, three and four bytes in UTF-8, a combining mark and a right-to-left letter among them. */
const ALPHABET = ['a', 'Z', '7', ' ', '\n', 'é', 'ß', 'Ж', 'א', '€', '漢', 'ラ', '\u0301', '😀', '𝄞'];

/** xorshift32: the same bytes from the same seed everywhere, for equal data without sending it over the control pipe. */
function generator(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** @returns {Uint8Array<ArrayBuffer>} */
export function makeBytes(length, seed) {
  const next = generator(seed);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = next() >>> 24;
  return bytes;
}

/** A string of exactly `length` bytes in UTF-8. */
export function makeText(length, seed) {
  const next = generator(seed);
  const encoder = new TextEncoder();
  const sizes = ALPHABET.map((character) => encoder.encode(character).length);
  const parts = [];
  for (let left = length; left > 0; ) {
    let index = next() % ALPHABET.length;
    if (sizes[index] > left) index = 0;
    parts.push(ALPHABET[index]);
    left -= sizes[index];
  }
  return parts.join('');
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What came out of a message event, whatever form the stack chose for binary data. */
async function describe(data) {
  if (typeof data === 'string') {
    const bytes = new TextEncoder().encode(data);
    return { kind: 'text', size: bytes.length, sha256: await sha256(bytes) };
  }
  const buffer = data instanceof Blob ? await data.arrayBuffer() : data;
  const bytes = ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
  return { kind: 'binary', size: bytes.length, sha256: await sha256(bytes) };
}

/** libwebrtc of some years ago, and @roamhq/wrtc with it, said 65535 for what is null in the specification. */
function unlessUnset(value) {
  return value === undefined || value === 65_535 ? null : value;
}

function asError(message) {
  return new Error(`interop agent: ${message}`);
}

/**
 * @param {{ RTCPeerConnection: typeof RTCPeerConnection, emit: (event: import('./agent.d.mts').AgentEvent) => void }} options
 * @returns {import('./agent.d.mts').Agent}
 */
export function createAgent({ RTCPeerConnection, emit }) {
  const peers = new Map();
  const channels = new Map();
  const waiters = new Set();
  let nextId = 1;

  /** Something changed: look again at everything that is being waited for. */
  function wake() {
    for (const waiter of [...waiters]) {
      const result = waiter.check();
      if (result === undefined) continue;
      waiters.delete(waiter);
      clearTimeout(waiter.timer);
      waiter.resolve(result);
    }
  }

  /** Resolves with the first value of `check` that is not undefined. */
  function until(what, timeoutMs, check) {
    const result = check();
    if (result !== undefined) return Promise.resolve(result);
    return new Promise((resolve, reject) => {
      const waiter = { check, resolve, timer: undefined };
      waiter.timer = setTimeout(() => {
        waiters.delete(waiter);
        reject(asError(`${what()} after ${timeoutMs} ms`));
      }, timeoutMs);
      waiters.add(waiter);
    });
  }

  function peer(id) {
    const entry = peers.get(id);
    if (entry === undefined) throw asError(`no peer ${id}`);
    return entry;
  }

  function channel(id) {
    const entry = channels.get(id);
    if (entry === undefined) throw asError(`no channel ${id}`);
    return entry;
  }

  function states(pc) {
    return {
      connectionState: pc.connectionState,
      iceConnectionState: pc.iceConnectionState,
      iceGatheringState: pc.iceGatheringState,
      signalingState: pc.signalingState,
    };
  }

  function adopt(peerId, dc) {
    const id = `c${nextId++}`;
    const entry = {
      id,
      dc,
      peerId,
      received: [],
      pending: Promise.resolve(),
      sequence: null,
      stream: null,
      errors: [],
    };
    channels.set(id, entry);
    try {
      dc.binaryType = 'arraybuffer';
    } catch {
      // A stack without binaryType: describe() takes what comes.
    }
    dc.onmessage = (event) => {
      if (entry.sequence !== null) return countSequence(entry.sequence, event.data);
      // One after the other: hashing is asynchronous, and the order of arrival is part of what is tested.
      entry.pending = entry.pending.then(async () => {
        entry.received.push(await describe(event.data));
        wake();
      });
    };
    dc.onopen = () => {
      emit({ type: 'open', peer: peerId, channel: id });
      wake();
    };
    dc.onclose = () => {
      emit({ type: 'close', peer: peerId, channel: id });
      wake();
    };
    dc.onerror = (event) => {
      entry.errors.push(String(event?.error?.message ?? event?.message ?? event));
    };
    dc.onbufferedamountlow = wake;
    return entry;
  }

  /** Counts numbered messages (startStream) without keeping them. */
  function countSequence(sequence, data) {
    const bytes = new DataView(ArrayBuffer.isView(data) ? data.buffer.slice(data.byteOffset) : data);
    const number = bytes.getUint32(0);
    sequence.count++;
    if (number !== sequence.next) sequence.outOfOrder.push([sequence.next, number]);
    sequence.next = number + 1;
    wake();
  }

  function describeChannel(entry) {
    const { dc } = entry;
    return {
      channel: entry.id,
      peer: entry.peerId,
      label: dc.label,
      protocol: dc.protocol,
      ordered: dc.ordered,
      maxRetransmits: unlessUnset(dc.maxRetransmits),
      maxPacketLifeTime: unlessUnset(dc.maxPacketLifeTime),
      negotiated: dc.negotiated,
      id: dc.id ?? null,
      readyState: dc.readyState,
      bufferedAmount: dc.bufferedAmount,
      errors: entry.errors,
    };
  }

  return {
    async open({ config }) {
      const id = `p${nextId++}`;
      const pc = new RTCPeerConnection(config);
      peers.set(id, { pc, gathered: [] });
      pc.onicecandidate = ({ candidate }) => {
        // W3C §4.4.1.30: an empty string ends one generation, null ends gathering.
        if (!candidate) return emit({ type: 'gathered', peer: id });
        const { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } = candidate;
        // There is one media section in these tests; some stacks leave one of the two out, and some insist on both.
        const init = { candidate: line, sdpMid: sdpMid ?? '0', sdpMLineIndex: sdpMLineIndex ?? 0 };
        if (usernameFragment) init.usernameFragment = usernameFragment;
        emit({ type: 'candidate', peer: id, candidate: init });
      };
      const changed = () => {
        emit({ type: 'state', peer: id, ...states(pc) });
        wake();
      };
      pc.onconnectionstatechange = changed;
      pc.oniceconnectionstatechange = changed;
      pc.onicegatheringstatechange = changed;
      pc.onsignalingstatechange = changed;
      pc.ondatachannel = (event) => {
        const entry = adopt(id, event.channel);
        emit({ type: 'channel', ...describeChannel(entry) });
        wake();
      };
      return id;
    },

    async closePeer({ peer: id }) {
      peer(id).pc.close();
      wake();
    },

    async offer({ peer: id, iceRestart }) {
      const { pc } = peer(id);
      // restartIce() is the W3C's newer door; the option is understood by every stack.
      await pc.setLocalDescription(await pc.createOffer(iceRestart ? { iceRestart: true } : undefined));
      return { type: pc.localDescription.type, sdp: pc.localDescription.sdp };
    },

    async answer({ peer: id, description }) {
      const { pc } = peer(id);
      await pc.setRemoteDescription(description);
      await pc.setLocalDescription(await pc.createAnswer());
      return { type: pc.localDescription.type, sdp: pc.localDescription.sdp };
    },

    async accept({ peer: id, description }) {
      await peer(id).pc.setRemoteDescription(description);
    },

    async addCandidate({ peer: id, candidate }) {
      const { pc } = peer(id);
      if (pc.signalingState !== 'closed') await pc.addIceCandidate(candidate);
    },

    async states({ peer: id }) {
      return states(peer(id).pc);
    },

    async waitState({ peer: id, name, values, timeoutMs = 15_000 }) {
      const { pc } = peer(id);
      return until(
        () => `${name} is ${pc[name]} (${JSON.stringify(states(pc))}), not ${values.join(' or ')},`,
        timeoutMs,
        () => (values.includes(pc[name]) ? pc[name] : undefined),
      );
    },

    async descriptions({ peer: id }) {
      const { pc } = peer(id);
      return { local: pc.localDescription?.sdp ?? '', remote: pc.remoteDescription?.sdp ?? '' };
    },

    async stats({ peer: id }) {
      const report = await peer(id).pc.getStats();
      const all = [];
      for (const entry of report.values()) all.push(entry);
      return JSON.parse(JSON.stringify(all));
    },

    async maxMessageSize({ peer: id }) {
      const { pc } = peer(id);
      // RFC 8841 §6.1: 64 KiB where the attribute is absent; zero means no limit.
      const line = /^a=max-message-size:(\d+)/m.exec(pc.remoteDescription?.sdp ?? '');
      const announced = line === null ? 65_536 : Number(line[1]) || Number.MAX_SAFE_INTEGER;
      const own = pc.sctp?.maxMessageSize;
      return typeof own === 'number' && own > 0 ? Math.min(own, announced) : announced;
    },

    async createChannel({ peer: id, label, options }) {
      return describeChannel(adopt(id, peer(id).pc.createDataChannel(label, options)));
    },

    async channel({ channel: id }) {
      return describeChannel(channel(id));
    },

    async waitChannel({ peer: id, label, timeoutMs = 15_000 }) {
      const find = () => [...channels.values()].find((entry) => entry.peerId === id && entry.dc.label === label);
      const entry = await until(() => `no channel with the label ${JSON.stringify(label)}`, timeoutMs, find);
      return describeChannel(entry);
    },

    async waitReadyState({ channel: id, value, timeoutMs = 15_000 }) {
      const entry = channel(id);
      await until(
        () => `channel ${entry.dc.label} is ${entry.dc.readyState}, not ${value}, ${entry.errors.join('; ')}`,
        timeoutMs,
        () => (entry.dc.readyState === value ? true : undefined),
      );
      return describeChannel(entry);
    },

    async closeChannel({ channel: id }) {
      channel(id).dc.close();
      wake();
    },

    async send({ channel: id, messages, timeoutMs = 15_000 }) {
      const { dc } = channel(id);
      const sent = [];
      for (const { kind, size, seed, form = 'view' } of messages) {
        if (dc.bufferedAmount > SEND_BUFFER_BYTES) {
          dc.bufferedAmountLowThreshold = SEND_BUFFER_BYTES / 2;
          const again = setInterval(wake, 50); // @roamhq/wrtc does not always fire bufferedamountlow
          await until(
            () => `bufferedAmount of ${dc.label} still ${dc.bufferedAmount} (${dc.readyState})`,
            timeoutMs,
            () => (dc.bufferedAmount <= SEND_BUFFER_BYTES / 2 ? true : undefined),
          ).finally(() => clearInterval(again));
        }
        const value = kind === 'text' ? makeText(size, seed) : makeBytes(size, seed);
        sent.push(await describe(value));
        if (kind === 'text') dc.send(value);
        else if (form === 'buffer') dc.send(value.buffer);
        else if (form === 'blob') dc.send(new Blob([value]));
        else {
          // A view into the middle of a larger buffer: byteOffset and byteLength must both be honoured.
          const around = new Uint8Array(size + 16);
          around.set(value, 8);
          dc.send(around.subarray(8, 8 + size));
        }
      }
      return sent;
    },

    async sendText({ channel: id, text }) {
      channel(id).dc.send(text);
    },

    async received({ channel: id, count, timeoutMs = 15_000 }) {
      const entry = channel(id);
      await until(
        () => `${entry.received.length} of ${count} messages on ${entry.dc.label} (${entry.dc.readyState})`,
        timeoutMs,
        () => (entry.received.length >= count ? true : undefined),
      );
      return entry.received.splice(0, count);
    },

    async startStream({ channel: id, size, intervalMs, perTick }) {
      const entry = channel(id);
      const stream = { sent: 0, timer: undefined };
      entry.stream = stream;
      stream.timer = setInterval(() => {
        for (let i = 0; i < perTick && entry.dc.bufferedAmount < SEND_BUFFER_BYTES; i++) {
          if (entry.dc.readyState !== 'open') return clearInterval(stream.timer); // the receiver's wait will say so
          const bytes = new Uint8Array(size);
          new DataView(bytes.buffer).setUint32(0, stream.sent++);
          entry.dc.send(bytes);
        }
      }, intervalMs);
    },

    async streamSent({ channel: id }) {
      return { sent: channel(id).stream.sent };
    },

    async stopStream({ channel: id }) {
      const { stream } = channel(id);
      clearInterval(stream.timer);
      return { sent: stream.sent };
    },

    async expectStream({ channel: id }) {
      channel(id).sequence = { next: 0, count: 0, outOfOrder: [] };
    },

    async streamReceived({ channel: id, count, timeoutMs = 15_000 }) {
      const { sequence, dc } = channel(id);
      await until(
        () => `${sequence.count} of ${count} stream messages (${dc.readyState})`,
        timeoutMs,
        () => (sequence.count >= count ? true : undefined),
      );
      return { count: sequence.count, outOfOrder: sequence.outOfOrder };
    },

    async reset() {
      for (const { stream } of channels.values()) if (stream !== null) clearInterval(stream.timer);
      for (const { pc } of peers.values()) pc.close();
      for (const waiter of waiters) clearTimeout(waiter.timer);
      waiters.clear();
      peers.clear();
      channels.clear();
    },
  };
}
