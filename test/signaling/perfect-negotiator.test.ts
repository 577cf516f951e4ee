/** The negotiator between two of PureRTC's own connections. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { RTCPeerConnection } from '../../src/index.ts';
import { type NegotiationMessage, PerfectNegotiator } from '../../src/signaling/index.ts';

vi.setConfig({ testTimeout: 30_000 });
/** For what takes a few round trips on a busy machine. */
const PATIENCE = { timeout: 10_000 };

type Side = { readonly connection: RTCPeerConnection; readonly negotiator: PerfectNegotiator };

const connections: RTCPeerConnection[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

/** Two connections whose negotiators talk; `sent` is all that was said, by whom. */
function pair(): { polite: Side; impolite: Side; sent: [string, NegotiationMessage][]; errors: unknown[] } {
  const sent: [string, NegotiationMessage][] = [];
  const errors: unknown[] = [];
  const make = (polite: boolean, other: () => Side): Side => {
    const connection = new RTCPeerConnection();
    connections.push(connection);
    const send = (message: NegotiationMessage): void => {
      sent.push([polite ? 'polite' : 'impolite', message]);
      const copy = JSON.parse(JSON.stringify(message)) as NegotiationMessage;
      // As on a wire: later, and in order.
      setImmediate(() =>
        other()
          .negotiator.receive(copy)
          .catch((error: unknown) => errors.push(error)),
      );
    };
    return {
      connection,
      negotiator: new PerfectNegotiator(connection, { polite, send, onError: (e) => errors.push(e) }),
    };
  };
  const polite: Side = make(true, () => impolite);
  const impolite: Side = make(false, () => polite);
  return { polite, impolite, sent, errors };
}

const offersOf = (sent: [string, NegotiationMessage][], who: string): number =>
  sent.filter(([from, message]) => from === who && 'description' in message && message.description.type === 'offer')
    .length;

async function connected(...sides: Side[]): Promise<void> {
  await expect
    .poll(() => sides.map(({ connection }) => connection.connectionState))
    .toEqual(sides.map(() => 'connected'));
}

describe('perfect negotiation', () => {
  test('begins by itself, with whatever is put on a connection', async () => {
    const { polite, impolite, errors } = pair();
    polite.connection.createDataChannel('chat');
    await connected(polite, impolite);
    impolite.connection.addTransceiver('audio');
    await expect.poll(() => polite.connection.getTransceivers().length, PATIENCE).toBe(1);
    expect(errors).toEqual([]);
  });

  test('both at once, again and again: both wishes come true', async () => {
    const { polite, impolite, sent, errors } = pair();
    polite.connection.createDataChannel('chat');
    await connected(polite, impolite);
    for (let round = 1; round <= 6; round++) {
      for (const { connection } of [polite, impolite]) connection.addTransceiver(round % 2 ? 'audio' : 'video');
      const settled = (): boolean =>
        [polite, impolite].every(
          ({ connection }) =>
            connection.signalingState === 'stable' &&
            connection.getTransceivers().filter(({ mid }) => mid !== null).length === 2 * round,
        );
      await expect.poll(settled, PATIENCE).toBe(true);
    }
    expect(errors).toEqual([]);
    // The polite one's were rolled back and made again.
    expect(offersOf(sent, 'polite')).toBeGreaterThan(offersOf(sent, 'impolite'));
  });

  test('ICE restarts go the same way', async () => {
    const { polite, impolite, errors } = pair();
    polite.connection.createDataChannel('chat');
    await connected(polite, impolite);
    const ufrag = (): string => /a=ice-ufrag:(\S+)/.exec(impolite.connection.localDescription!.sdp)![1]!;
    const before = ufrag();
    impolite.connection.restartIce();
    await expect.poll(ufrag, PATIENCE).not.toBe(before);
    await expect.poll(() => impolite.connection.signalingState, PATIENCE).toBe('stable');
    expect(errors).toEqual([]);
  });

  test('held, it waits for `start`, and then makes up for what it missed', async () => {
    const { polite, impolite, sent } = pair();
    polite.negotiator.close();
    impolite.negotiator.close();
    const messages: NegotiationMessage[] = [];
    const [a, b] = [polite.connection, impolite.connection];
    const negotiator = new PerfectNegotiator(a, {
      polite: true,
      held: true,
      send: (message) => messages.push(message),
    });
    a.createDataChannel('chat');
    await a.setLocalDescription();
    await b.setRemoteDescription(a.localDescription!);
    await b.setLocalDescription();
    await a.setRemoteDescription(b.localDescription!);
    await new Promise((resolve) => setTimeout(resolve)); // negotiationneeded is a task
    negotiator.start();
    expect(messages).toEqual([]); // the first offer covered the channel
    negotiator.close();
    const another = new PerfectNegotiator(a, { polite: true, held: true, send: (message) => messages.push(message) });
    const isNeeded = new Promise((resolve) => a.addEventListener('negotiationneeded', resolve, { once: true }));
    a.addTransceiver('audio');
    await isNeeded;
    expect(messages).toEqual([]);
    another.start();
    await expect.poll(() => messages.length, PATIENCE).toBeGreaterThan(0);
    expect(messages[0]).toMatchObject({ description: { type: 'offer' } });
    expect(sent).toEqual([]);
  });

  test('a message that no connection can use is the caller’s to know about', async () => {
    const { polite } = pair();
    await expect(polite.negotiator.receive({ description: { type: 'offer', sdp: 'x' } })).rejects.toThrow();
    await expect(polite.negotiator.receive({ candidate: { candidate: 'x', sdpMid: '0' } })).rejects.toThrow();
    polite.negotiator.close();
    await polite.negotiator.receive({ description: { type: 'offer', sdp: 'x' } }); // nobody listens any more
  });
});
