import fc from 'fast-check';
import { expect, test } from 'vitest';
import { estimateIndex, SRTP_INDEX_LIMIT } from '../../src/srtp/packet-index.ts';

const sequenceNumber = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 1, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff));
const rollOverCounter = fc.oneof(fc.nat(3), fc.nat(0xffff_ffff), fc.constantFrom(0x7fff, 0x8000, 0xffff_ffff));

/** RFC 3711 Appendix A, line by line; not modulo 2^32. */
function appendixA(roc: number, sL: number, seq: number): number {
  let v: number;
  if (sL < 32_768) {
    if (seq - sL > 32_768) v = roc - 1;
    else v = roc;
  } else if (sL - 32_768 > seq) v = roc + 1;
  else v = roc;
  return seq + v * 65_536;
}

test('RFC 3711 Appendix A, to the letter', () => {
  fc.assert(
    fc.property(rollOverCounter, sequenceNumber, sequenceNumber, (roc, sL, seq) => {
      expect(estimateIndex(roc * 65_536 + sL, seq)).toBe(appendixA(roc, sL, seq));
    }),
    { numRuns: 5000 },
  );
});

test('RFC 3711 §3.3.1: "v is chosen from the set { ROC-1, ROC, ROC+1 } such that i is closest"', () => {
  fc.assert(
    fc.property(rollOverCounter, sequenceNumber, sequenceNumber, (roc, sL, seq) => {
      const newest = roc * 65_536 + sL;
      const distances = [roc - 1, roc, roc + 1].map((v) => Math.abs(v * 65_536 + seq - newest));
      expect(Math.abs(estimateIndex(newest, seq) - newest)).toBe(Math.min(...distances));
    }),
    { numRuns: 5000 },
  );
});

test('RFC 3711 §3.3.1: the first packet has roll-over counter 0, whatever its sequence number', () => {
  for (const seq of [0, 1, 0x7fff, 0x8000, 0xffff]) expect(estimateIndex(-1, seq)).toBe(seq);
});

test('what was before the first packet is negative, what comes after the last is past the limit', () => {
  expect(estimateIndex(5, 0xfff0)).toBe(0xfff0 - 0x1_0000);
  expect(estimateIndex(SRTP_INDEX_LIMIT - 1, 0)).toBe(SRTP_INDEX_LIMIT);
  expect(estimateIndex(SRTP_INDEX_LIMIT - 2, 0xffff)).toBe(SRTP_INDEX_LIMIT - 1);
});
