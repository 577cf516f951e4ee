import { describe, expect, test } from 'vitest';
import { connect, Peer, Simulation, signal } from './simulation.ts';

describe('two full agents', () => {
  test('connect, complete, and agree on the pair', () => {
    const simulation = new Simulation();
    const [a, b] = connect(simulation);
    simulation.run(2_000);
    expect(a.states).toEqual(['checking', 'connected', 'completed']);
    expect(b.states).toEqual(['checking', 'connected', 'completed']);
    expect(a.agent.selectedPair?.remoteAddress).toEqual({ address: '198.51.100.1', port: 5000 });
    expect(b.agent.selectedPair?.remoteAddress).toEqual({ address: '192.0.2.1', port: 5000 });
    expect(a.agent.selectedPair?.nominated && b.agent.selectedPair?.nominated).toBe(true);
  });
});
