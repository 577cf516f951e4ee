import { expect, test } from 'vitest';
import { OperationsChain } from '../../src/webrtc/operations-chain.ts';

type Deferred = { promise: Promise<string>; resolve: (value: string) => void; reject: (error: Error) => void };
function deferred(): Deferred {
  let resolve!: Deferred['resolve'];
  let reject!: Deferred['reject'];
  const promise = new Promise<string>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}
/** All promise reactions that are due have run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('operations run one after the other, and a failed one does not stop the next', async () => {
  const chain = new OperationsChain(() => {});
  const log: string[] = [];
  const [a, b] = [deferred(), deferred()];
  const first = chain.chain(() => {
    log.push('a starts');
    return a.promise;
  });
  const second = chain.chain(() => {
    log.push('b starts');
    return b.promise;
  });
  expect(log).toEqual(['a starts']); // the first one synchronously, as the specification says
  a.reject(new Error('no'));
  await expect(first).rejects.toThrow('no');
  await settled();
  expect(log).toEqual(['a starts', 'b starts']);
  b.resolve('yes');
  expect(await second).toBe('yes');
});

test("the caller's reaction comes before the next operation", async () => {
  const chain = new OperationsChain(() => {});
  const log: string[] = [];
  void chain.chain(async () => 1).then(() => log.push('reaction'));
  void chain.chain(async () => log.push('next'));
  await settled();
  expect(log).toEqual(['reaction', 'next']);
});

test('the negotiation-needed flag is updated once the chain has run out', async () => {
  let updates = 0;
  const chain = new OperationsChain(() => updates++);
  const a = deferred();
  void chain.chain(() => a.promise);
  void chain.chain(async () => {});
  chain.updateNegotiationNeededWhenEmpty();
  await settled();
  expect(updates).toBe(0);
  a.resolve('');
  await settled();
  expect(updates).toBe(1);
  expect(chain.isEmpty).toBe(true);
});

test('a closed chain refuses, and never settles what was under way', async () => {
  const chain = new OperationsChain(() => {});
  const a = deferred();
  let outcome = 'pending';
  const note = (text: string) => () => {
    outcome = text;
  };
  chain.chain(() => a.promise).then(note('fulfilled'), note('rejected'));
  chain.close();
  a.resolve('');
  await settled();
  expect(outcome).toBe('pending');
  await expect(chain.chain(async () => {})).rejects.toMatchObject({ name: 'InvalidStateError' });
});
