import { expect, test } from 'vitest';
import { type RandomSource, randomBetween } from '../../src/machine.ts';
import { seededRandom } from '../crypto/seeded-random.ts';
import { Peer, type PeerOptions, Simulation, signal } from './simulation.ts';

/** What the seed makes of two peers and the network between them. */
function scenario(seed: number): { simulation: Simulation; a: Peer; b: Peer; delayMs: number } {
  const random = seededRandom(1_000_000 + seed);
  const simulation = new Simulation(seed);
  simulation.latencyMs = Math.ceil(randomBetween(random, 1, 300));
  simulation.loss = chance(random, 0.5) ? randomBetween(random, 0, 0.25) : 0;
  const server = { address: '203.0.113.9', port: 3478, url: 'stun:203.0.113.9' };
  const hasServer = chance(random, 0.8); // else it never answers
  if (hasServer) simulation.addStunServer(server);
  const bIsLite = chance(random, 0.15);
  const make = (name: string, net: number, options: PeerOptions): Peer => {
    // Two agents behind NATs that nobody tells them of cannot meet.
    const isNatted = !options.lite && chance(random, 0.4) && (hasServer || name === 'a');
    const nat = { publicAddress: `203.0.113.${net}`, filters: chance(random, 0.7) };
    const peer = new Peer(simulation, name, { ...options, ...(isNatted && { nat }) });
    peer.addSocket(`10.0.0.${net}`);
    for (let i = Math.floor(randomBetween(random, 0, 3)); i > 0; i--) peer.addSocket(`10.${i}.0.${net}`);
    if (!isNatted && chance(random, 0.5)) peer.addSocket(`2001:db8::${net}`);
    peer.agent.addServer(server, 0);
    peer.gather();
    return peer;
  };
  const a = make('a', 1, { controlling: chance(random, 0.8) });
  const b = make('b', 2, { controlling: chance(random, 0.2), lite: bIsLite });
  const delayMs = Math.floor(randomBetween(random, 0, 500));
  return { simulation, a, b, delayMs };
}

/** Both directions carry data within a few tries. */
function expectTraffic(simulation: Simulation, a: Peer, b: Peer): void {
  for (const peer of [a, b]) peer.data.length = 0;
  const limit = simulation.now + 20_000;
  while ((a.data.length === 0 || b.data.length === 0) && simulation.now < limit) {
    a.sendData('a');
    b.sendData('b');
    simulation.run(simulation.now + 200);
  }
  expect([a.data.length > 0, b.data.length > 0]).toEqual([true, true]);
}

test('whatever the seed makes of the network, two agents find each other, and again after a restart', () => {
  const failed: string[] = [];
  for (let seed = 1; seed <= 80; seed++) {
    const { simulation, a, b, delayMs } = scenario(seed);
    const isUsable = ({ agent }: Peer): boolean => agent.selectedPair?.nominated === true;
    try {
      signal(a, b, { delayMs });
      simulation.runUntil(() => isUsable(a) && isUsable(b), 39_500);
      expectTraffic(simulation, a, b);
      expect([a.agent.role, b.agent.role].sort()).toEqual(['controlled', 'controlling']);
      simulation.run(simulation.now + 60_000);
      for (const peer of [a, b]) peer.agent.restart(undefined, simulation.now);
      for (const peer of [a, b]) peer.gather();
      signal(a, b, { delayMs });
      const isRenewed = ({ agent }: Peer): boolean =>
        agent.selectedPair?.nominated === true &&
        agent.selectedPair.local.usernameFragment === agent.localCredentials.usernameFragment;
      simulation.runUntil(() => isRenewed(a) && isRenewed(b), 39_500);
      expectTraffic(simulation, a, b);
      expect(a.agent.pairs.length).toBeLessThanOrEqual(100);
    } catch (error) {
      failed.push(`seed ${seed}: ${error}`);
    }
  }
  expect(failed).toEqual([]);
});

test('whatever is called in whatever order, nothing is thrown, nothing hangs, and the end is silence', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(2_000_000 + seed);
    const { simulation, a, b } = scenario(seed);
    const actions: ((peer: Peer, other: Peer) => void)[] = [
      (peer) => peer.gather(),
      (peer) => peer.agent.endOfRemoteCandidates(simulation.now),
      (peer) => peer.agent.restart(undefined, simulation.now),
      (peer) => peer.agent.setRole(chance(random, 0.5) ? 'controlling' : 'controlled'),
      (peer) => peer.agent.removeSocket(Math.ceil(randomBetween(random, 0, 4)), simulation.now),
      (peer) => peer.addSocket(`10.9.0.${Math.ceil(randomBetween(random, 0, 250))}`),
      (peer, other) => {
        if (peer.agent.remoteCredentials === null) {
          peer.agent.setRemoteCredentials(other.agent.localCredentials, simulation.now);
        }
      },
      (peer, other) => {
        for (const { usernameFragment: _, ...candidate } of other.agent.localCandidates) {
          peer.agent.addRemoteCandidate(candidate, simulation.now);
        }
      },
      (peer) => peer.agent.handleTimeout(simulation.now),
      (peer) => peer.sendData('data'),
    ];
    for (let step = 0; step < 60; step++) {
      const [peer, other] = chance(random, 0.5) ? [a, b] : [b, a];
      actions[Math.floor(randomBetween(random, 0, actions.length))]!(peer, other);
      if (chance(random, 0.7)) simulation.run(simulation.now + randomBetween(random, 0, 5_000));
    }
    a.agent.close();
    b.agent.close();
    const sent = simulation.sent.length;
    simulation.run(simulation.now + 1_000_000);
    expect(simulation.sent).toHaveLength(sent);
  }
});

function chance(random: RandomSource, probability: number): boolean {
  return randomBetween(random, 0, 1) < probability;
}
