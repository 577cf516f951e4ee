import { describe, test } from 'vitest';
import { nodeRuntime } from '../../src/runtime/node.ts';
import { runContract } from './contract.ts';
import { memoryHarness, realHarness } from './harness.ts';

describe('Node', () => runContract({ make: () => realHarness(nodeRuntime), test }));
describe('the memory network', () => runContract({ make: memoryHarness, test }));
