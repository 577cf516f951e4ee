/** Fragments in any order, overlapping, repeated; and the bounds on what is kept. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes } from '../../src/binary/bytes.ts';
import type { HandshakeMessage } from '../../src/dtls/handshake-message.ts';
import {
  HandshakeReassembler,
  MAX_MESSAGE_LENGTH,
  MAX_REASSEMBLY_BYTES,
  MESSAGE_WINDOW,
} from '../../src/dtls/reassembly.ts';
import { fragmentOf } from './wire.ts';

function message(messageSeq: number, length: number, type = 11): HandshakeMessage {
  return { type, messageSeq, body: Uint8Array.from({ length }, (_, i) => (i * 7 + messageSeq) & 0xff) };
}

function reassembler(): { reassembler: HandshakeReassembler; drops: () => number; drain: () => HandshakeMessage[] } {
  let dropped = 0;
  const reassembler = new HandshakeReassembler(() => dropped++);
  const drain = (): HandshakeMessage[] => {
    const messages: HandshakeMessage[] = [];
    for (let next = reassembler.next(); next !== null; next = reassembler.next()) messages.push(next);
    return messages;
  };
  return { reassembler, drops: () => dropped, drain };
}

test('fragments of several messages, cut anywhere, in any order, overlapping and repeated', () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: MESSAGE_WINDOW });
  fc.assert(
    fc.property(lengths, fc.infiniteStream(fc.nat()), (lengths, numbers) => {
      const draw = (below: number): number => numbers.next().value % below;
      const messages = lengths.map((length, i) => message(i, length));
      const fragments = messages.flatMap((whole) => {
        const length = whole.body.length;
        const cuts = [0, ...Array.from({ length: 4 }, () => draw(length + 1)).sort((a, b) => a - b), length];
        const pieces = cuts.slice(1).map((end, i) => fragmentOf(whole, cuts[i]!, end - cuts[i]!));
        const extra = draw(length + 1);
        return [...pieces, fragmentOf(whole, extra, draw(length - extra + 1))];
      });
      for (let i = fragments.length - 1; i > 0; i--) {
        const j = draw(i + 1);
        [fragments[i], fragments[j]] = [fragments[j]!, fragments[i]!];
      }
      const { reassembler: machine, drain } = reassembler();
      const received: HandshakeMessage[] = [];
      while (fragments.length > 0) {
        const record = concatBytes(...fragments.splice(0, 1 + draw(3))); // one fragment to a record, or several
        expect(machine.insert(record).kind).toBe('inserted');
        received.push(...drain());
      }
      expect(received).toEqual(messages);
      expect(machine.hasPending).toBe(false);
    }),
  );
});

test('messages wait for the one before them', () => {
  const { reassembler: machine, drain } = reassembler();
  machine.insert(fragmentOf(message(1, 5)));
  expect(drain()).toEqual([]);
  expect(machine.hasPending).toBe(true);
  machine.insert(fragmentOf(message(0, 0)));
  expect(drain().map(({ messageSeq }) => messageSeq)).toEqual([0, 1]);
});

test('the first bytes to come stand: later ones do not change a message', () => {
  const { reassembler: machine, drain } = reassembler();
  machine.insert(fragmentOf(message(0, 8), 0, 4));
  const other = { ...message(0, 8), body: new Uint8Array(8) };
  machine.insert(fragmentOf(other));
  expect([...drain()[0]!.body]).toEqual([...message(0, 8).body.subarray(0, 4), 0, 0, 0, 0]);
});

test('the end of an old message is reported as a repetition, its other pieces are not', () => {
  const { reassembler: machine, drain } = reassembler();
  machine.insert(fragmentOf(message(0, 4)));
  machine.insert(fragmentOf(message(1, 0)));
  drain();
  expect(machine.insert(fragmentOf(message(0, 4)))).toEqual({ kind: 'inserted', repeated: 0 });
  expect(machine.insert(fragmentOf(message(0, 4), 0, 3))).toEqual({ kind: 'inserted', repeated: -1 });
  expect(machine.insert(fragmentOf(message(1, 0)))).toEqual({ kind: 'inserted', repeated: 1 });
  expect(machine.insert(fragmentOf(message(2, 0)))).toEqual({ kind: 'inserted', repeated: -1 });
  expect(machine.hasPending).toBe(true);
});

describe('contradictions', () => {
  test('another type, another length', () => {
    const { reassembler: machine } = reassembler();
    machine.insert(fragmentOf(message(0, 8), 0, 1));
    expect(machine.insert(fragmentOf(message(0, 8, 12), 1, 1)).kind).toBe('mismatch');
    expect(machine.insert(fragmentOf(message(0, 9), 1, 1)).kind).toBe('mismatch');
  });

  test('content that is no sequence of fragments', () => {
    const whole = fragmentOf(message(0, 8));
    for (const content of [
      new Uint8Array(0),
      whole.subarray(0, 5),
      whole.subarray(0, 19),
      concatBytes(whole, whole.subarray(0, 3)),
    ]) {
      expect(reassembler().reassembler.insert(content).kind).toBe('malformed');
    }
  });
});

describe('bounds', () => {
  test('drops messages too far ahead', () => {
    const { reassembler: machine, drops } = reassembler();
    machine.insert(fragmentOf(message(MESSAGE_WINDOW - 1, 1)));
    expect(drops()).toBe(0);
    machine.insert(fragmentOf(message(MESSAGE_WINDOW, 1)));
    machine.insert(fragmentOf(message(0xffff, 1)));
    expect(drops()).toBe(2);
  });

  test('refuses a message that claims to be too long', () => {
    const claim = (length: number): Uint8Array =>
      fragmentOf({ type: 11, messageSeq: 0, body: new Uint8Array(length) }, 0, 1);
    expect(reassembler().reassembler.insert(claim(MAX_MESSAGE_LENGTH)).kind).toBe('inserted');
    expect(reassembler().reassembler.insert(claim(MAX_MESSAGE_LENGTH + 1)).kind).toBe('excessive');
  });

  test('limits the bytes of all messages being put together, and frees them', () => {
    const { reassembler: machine, drops, drain } = reassembler();
    const half = MAX_REASSEMBLY_BYTES / 2;
    machine.insert(fragmentOf(message(0, half), 0, 1));
    machine.insert(fragmentOf(message(1, half), 0, 1));
    machine.insert(fragmentOf(message(2, 1)));
    expect(drops()).toBe(1);
    machine.insert(fragmentOf(message(0, half)));
    expect(drain()).toHaveLength(1);
    machine.insert(fragmentOf(message(2, 1)));
    expect(drops()).toBe(1);
  });
});
