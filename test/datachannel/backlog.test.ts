import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backlog } from '../../src/datachannel/backlog.ts';

type Step = { kind: 'payload' | 'ours' | 'sent'; bytes: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ kind: fc.constantFrom('payload', 'ours', 'sent'), bytes: fc.nat({ max: 20 }) }),
  { maxLength: 100 },
);

describe('Backlog', () => {
  test('counts what a queue of single bytes counts', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const backlog = new Backlog();
        const queue: boolean[] = []; // true: payload
        for (const { kind, bytes } of sequence) {
          if (kind === 'sent') {
            const left = queue.splice(0, bytes);
            expect(backlog.sent(bytes)).toBe(left.filter((isPayload) => isPayload).length);
          } else {
            queue.push(...new Array<boolean>(bytes).fill(kind === 'payload'));
            if (kind === 'payload') backlog.addPayload(bytes);
            else backlog.addOurs(bytes);
          }
          expect(backlog.payload).toBe(queue.filter((isPayload) => isPayload).length);
        }
      }),
    );
  });

  test('never falls below zero, whatever SCTP reports', () => {
    const backlog = new Backlog();
    backlog.addPayload(3);
    expect(backlog.sent(10)).toBe(3);
    expect(backlog.sent(10)).toBe(0);
    backlog.addPayload(5);
    expect(backlog.payload).toBe(5);
  });
});
