import { describe, test } from 'vitest';
import { nodeRuntime } from '../../src/runtime/node.ts';
import { runContract } from './contract.ts';
import { memoryHarness, realHarness } from './harness.ts';
import { runTcpContract } from './tcp-contract.ts';

describe('Node', () => runContract({ make: () => realHarness(nodeRuntime), test }));
describe('the memory network', () => runContract({ make: memoryHarness, test }));

describe('TCP on Node', () => runTcpContract({ make: () => realHarness(nodeRuntime), test }));
describe('TCP in the memory network', () =>
  runTcpContract({
    make: memoryHarness,
    test,
    skip: [
      {
        reason: 'its TLS has no cryptography, and nobody reads the names',
        tests: ['TLS: a certificate for another name is refused', 'TLS: a certificate for another address is refused'],
      },
    ],
  }));
