import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, equalBytes, fromHex, setU16, toHex } from '../../../src/binary/bytes.ts';
import {
  CHUNK,
  chunkLength,
  decodeParameters,
  encodeChunk,
  encodeParameter,
  unknownChunkRule,
  unknownParameterRule,
} from '../../../src/sctp/packet/chunk.ts';
import { takeChecksum, writeChecksum } from '../../../src/sctp/packet/common-header.ts';
import { dataChunkSize, writeDataChunk } from '../../../src/sctp/packet/data-chunk.ts';
import {
  CAUSE,
  decodeCauses,
  describeCauses,
  encodeAbortChunk,
  encodeMissingParameterCause,
  encodeStreamCause,
  encodeTextCause,
} from '../../../src/sctp/packet/error-cause.ts';
import { decodeForwardTsn, encodeForwardTsn } from '../../../src/sctp/packet/forward-tsn-chunk.ts';
import { decodeInit, encodeInit, type InitParameters } from '../../../src/sctp/packet/init-chunk.ts';
import {
  decodeReConfig,
  encodeOutgoingReset,
  encodeReConfigResponses,
  RESULT,
} from '../../../src/sctp/packet/reconfig-chunk.ts';
import { isWholeSack } from '../../../src/sctp/packet/sack-chunk.ts';
import { ReceivedTsns } from '../../../src/sctp/rx/received-tsns.ts';
import { sackChunk, sacksOf } from '../support/wire.ts';

const u16s = fc.integer({ min: 0, max: 0xffff });
const u32s = fc.integer({ min: 0, max: 0xffff_ffff });

describe('chunks and parameters', () => {
  test('RFC 9260 §3.2: "The total length of a chunk MUST be a multiple of 4 bytes", and the length does not count padding', () => {
    for (let length = 0; length < 9; length++) {
      const chunk = encodeChunk(CHUNK.error, 0, new Uint8Array(length).fill(7));
      expect(chunk.length % 4).toBe(0);
      expect(chunkLength(chunk, 0)).toBe(4 + length);
      expect([...chunk.subarray(4 + length)].every((byte) => byte === 0)).toBe(true);
    }
  });

  test('a chunk length below 4, or beyond the packet, is no chunk', () => {
    const packet = new Uint8Array(16);
    for (const [length, whole] of [
      [0, false],
      [1, false],
      [3, false],
      [4, true],
      [16, true],
      [17, false],
      [65535, false],
    ] as const) {
      setU16(packet, 2, length);
      expect(chunkLength(packet, 0) !== 0, `length ${length}`).toBe(whole);
    }
    expect(chunkLength(packet, 13)).toBe(0);
  });

  test('RFC 9260 §3.2 Table 2: the two highest bits of an unknown chunk type', () => {
    expect([0x3f, 0x7f, 0xbf, 0xfe].map(unknownChunkRule)).toEqual([
      { goOn: false, report: false },
      { goOn: false, report: true },
      { goOn: true, report: false },
      { goOn: true, report: true },
    ]);
  });

  test('RFC 9260 §3.2.1 Table 3: the two highest bits of an unknown parameter type', () => {
    expect([0x3fff, 0x7fff, 0xbfff, 0xfffe].map(unknownParameterRule)).toEqual([
      { goOn: false, report: false },
      { goOn: false, report: true },
      { goOn: true, report: false },
      { goOn: true, report: true },
    ]);
  });

  test('parameters of length 0 to 3 do not loop: the list is malformed', () => {
    for (let length = 0; length < 4; length++) {
      const bytes = Uint8Array.of(0, 9, 0, length, 0, 0, 0, 0);
      expect(decodeParameters(bytes)).toBeNull();
    }
  });

  test('the padding of the last parameter may be missing', () => {
    const parameter = encodeParameter(9, Uint8Array.of(1, 2, 3, 4, 5));
    expect(decodeParameters(parameter.subarray(0, 9))).toHaveLength(1);
    expect(decodeParameters(concatBytes(parameter, parameter.subarray(0, 9)))).toHaveLength(2);
    expect(decodeParameters(parameter.subarray(0, 8))).toBeNull();
  });

  test('parameters round-trip', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(u16s, fc.uint8Array({ maxLength: 40 })), { maxLength: 8 }), (list) => {
        const bytes = concatBytes(...list.map(([type, value]) => encodeParameter(type, value)));
        expect(decodeParameters(bytes)!.map(({ type, value }) => [type, toHex(value)])).toEqual(
          list.map(([type, value]) => [type, toHex(value)]),
        );
      }),
    );
  });
});

describe('checksum', () => {
  test('RFC 9260 §6.8: CRC32c over the packet with zeros in place of the checksum, least significant byte first', () => {
    // An INIT of usrsctp, as every packet analyser shows it.
    const packet = fromHex('13881388 00000000 00000000 01000014 00000001 00020000 00010001 00000001');
    writeChecksum(packet, 0, packet.length);
    const copy = packet.slice();
    expect(takeChecksum(copy)).toBe(true);
    for (let i = 0; i < packet.length; i++) {
      const flipped = packet.slice();
      flipped[i]! ^= 0x10;
      expect(takeChecksum(flipped), `byte ${i}`).toBe(false);
    }
    // Appendix A's own check: the CRC of 32 zero bytes is 8a9136aa.
    const zeros = new Uint8Array(32);
    writeChecksum(zeros, 0, 32);
    expect(toHex(zeros.subarray(8, 12))).toBe('aa36918a');
  });
});

describe('DATA', () => {
  test('RFC 9260 §3.3.1: header fields, and user data of every length from 1 to 100', () => {
    for (let length = 1; length <= 100; length++) {
      const source = Uint8Array.from({ length: length + 3 }, (_, i) => i + 1);
      const bytes = new Uint8Array(dataChunkSize(length) + 4);
      writeDataChunk(bytes, 4, 0x0f, 0xfffe_fdfc, 0x1234, 0xabcd, 53, source, 2, length);
      const padding = '00'.repeat((4 - (length % 4)) % 4);
      const header = `000f${(16 + length).toString(16).padStart(4, '0')}fffefdfc1234abcd00000035`;
      expect(toHex(bytes)).toBe(`00000000${header}${toHex(source.subarray(2, 2 + length))}${padding}`);
    }
  });
});

const parameters: InitParameters = {
  initiateTag: 0xdead_beef,
  aRwnd: 5_242_880,
  outboundStreams: 65_535,
  inboundStreams: 1024,
  initialTsn: 0xffff_fff0,
  partialReliability: true,
  reConfig: true,
};

describe('INIT and INIT ACK', () => {
  test('round-trip, with and without a cookie', () => {
    expect(decodeInit(encodeInit(parameters))).toEqual({
      parameters,
      cookie: null,
      hostName: null,
      unrecognized: [],
    });
    const cookie = Uint8Array.of(1, 2, 3, 4, 5);
    const none = { ...parameters, partialReliability: false, reConfig: false };
    expect(decodeInit(encodeInit(none, cookie))).toMatchObject({ parameters: none, cookie });
  });

  test('reads the INIT that Chromium sends', () => {
    // Supported extensions FORWARD TSN, RE-CONFIG (0x8008), Forward-TSN-Supported (0xC000), as in a=sctp-init examples.
    const chunk = new Uint8Array(Buffer.from('AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoLA', 'base64'));
    expect(decodeInit(chunk)).toMatchObject({
      parameters: {
        initiateTag: 0x896c_dd1d,
        aRwnd: 5_242_880,
        outboundStreams: 65_535,
        inboundStreams: 65_535,
        initialTsn: 0xe079_651d,
        partialReliability: true,
        reConfig: true,
      },
    });
  });

  test.each([
    ['tag 0', { initiateTag: 0 }, 'zeroTag'],
    ['a_rwnd 1499', { aRwnd: 1499 }, 'smallWindow'],
    ['no outbound streams', { outboundStreams: 0 }, 'noStreams'],
    ['no inbound streams', { inboundStreams: 0 }, 'noStreams'],
  ])('RFC 9260 §3.3.2: %s is not valid', (_name, change, problem) => {
    expect(decodeInit(encodeInit({ ...parameters, ...change }))).toMatchObject({ problem });
  });

  test('unknown parameters are skipped or end the list, and are reported, by their high bits', () => {
    const known = encodeInit(parameters);
    const build = (...types: number[]): Uint8Array => {
      const chunk = concatBytes(
        known.subarray(0, 20),
        ...types.map((type) => encodeParameter(type, Uint8Array.of(1, 2, 3, 4))),
        known.subarray(20),
      );
      setU16(chunk, 2, chunk.length);
      return chunk;
    };
    const read = (chunk: Uint8Array): { reported: string[]; wentOn: boolean } => {
      const init = decodeInit(chunk);
      if ('problem' in init) throw new Error(init.problem);
      return { reported: init.unrecognized.map(toHex), wentOn: init.parameters.reConfig };
    };
    expect(read(build(0x3abc))).toEqual({ reported: [], wentOn: false });
    expect(read(build(0x7abc))).toEqual({ reported: ['7abc000801020304'], wentOn: false });
    expect(read(build(0xbabc))).toEqual({ reported: [], wentOn: true });
    expect(read(build(0xfabc, 0xfabd))).toEqual({
      reported: ['fabc000801020304', 'fabd000801020304'],
      wentOn: true,
    });
    expect(read(build(0xbabc, 0x7abc, 0xfabd))).toEqual({ reported: ['7abc000801020304'], wentOn: false });
  });

  test('limits the bytes of unknown parameters that are reflected', () => {
    const known = encodeInit(parameters);
    const parts = Array.from({ length: 100 }, () => encodeParameter(0xffff - 1, new Uint8Array(60)));
    const chunk = concatBytes(known, ...parts);
    setU16(chunk, 2, chunk.length);
    const init = decodeInit(chunk);
    if ('problem' in init) throw new Error(init.problem);
    expect(init.unrecognized.length).toBe(4);
  });
});

describe('SACK', () => {
  test('RFC 9260 §3.3.4: the example of the specification', () => {
    const tsns = new ReceivedTsns(10);
    for (const tsn of [10, 11, 12, 14, 15, 17]) tsns.add(tsn);
    const bytes = new Uint8Array(100);
    expect(tsns.write(bytes, 0, 100)).toBe(2 * 0x1_0000);
    expect(tsns.cumulativeTsn).toBe(12);
    expect(toHex(bytes.subarray(0, 8))).toBe('0002000300050005');
  });

  test('counts that do not fit into the chunk are no SACK', () => {
    const chunk = sackChunk(5, [[2, 3]], { duplicates: [4] });
    expect(isWholeSack(chunk, 0, chunk.length)).toBe(true);
    for (let length = 0; length < chunk.length; length++) expect(isWholeSack(chunk, 0, length)).toBe(false);
    expect(sacksOf(concatBytes(new Uint8Array(12), chunk))).toEqual([
      { cumulativeTsnAck: 5, aRwnd: 1_000_000, gaps: [[2, 3]], duplicates: [4] },
    ]);
  });
});

describe('FORWARD TSN, RE-CONFIG and error causes', () => {
  test('FORWARD TSN round-trips', () => {
    fc.assert(
      fc.property(
        u32s,
        fc.uniqueArray(fc.tuple(u16s, u16s), { selector: ([id]) => id, maxLength: 20 }),
        (tsn, list) => {
          expect(decodeForwardTsn(encodeForwardTsn(tsn, new Map(list)))).toEqual({
            newCumulativeTsn: tsn,
            streams: list.map(([streamId, ssn]) => ({ streamId, ssn })),
          });
        },
      ),
    );
    expect(decodeForwardTsn(encodeForwardTsn(1, new Map()).subarray(0, 7))).toBeNull();
  });

  test('RE-CONFIG round-trips, with odd and even numbers of streams', () => {
    for (const streamIds of [[], [1], [1, 2], [65_534, 0, 7]]) {
      const request = {
        kind: 'outgoingReset',
        requestNumber: 0xffff_ffff,
        responseNumber: 2,
        lastAssignedTsn: 3,
        streamIds,
      } as const;
      const chunk = encodeOutgoingReset(request);
      expect(decodeReConfig(chunk.subarray(0, chunkLength(chunk, 0)))).toEqual([request]);
    }
    const responses = [
      { kind: 'response', responseNumber: 9, result: RESULT.performed },
      { kind: 'response', responseNumber: 10, result: RESULT.denied },
    ] as const;
    expect(decodeReConfig(encodeReConfigResponses(responses))).toEqual(responses);
  });

  test('RFC 6525 §3.1: at least one and at most two parameters, all of them known', () => {
    const value = new Uint8Array(8);
    const chunk = (...types: number[]): Uint8Array =>
      encodeChunk(CHUNK.reConfig, 0, concatBytes(...types.map((type) => encodeParameter(type, value))));
    expect(decodeReConfig(chunk())).toBeNull();
    expect(decodeReConfig(chunk(16))).toHaveLength(1);
    expect(decodeReConfig(chunk(17, 18))).toHaveLength(2);
    expect(decodeReConfig(chunk(16, 16, 16))).toBeNull();
    expect(decodeReConfig(chunk(99))).toBeNull();
    expect(decodeReConfig(chunk(13)), 'too short for a reset request').toBeNull();
  });

  test('causes are said in words', () => {
    const describe_ = (...causes: Uint8Array[]): unknown => describeCauses(decodeCauses(encodeAbortChunk(causes))!);
    expect(describe_()).toEqual({ message: 'no cause given' });
    expect(describe_(encodeTextCause(CAUSE.userInitiatedAbort, 'bye'))).toEqual({
      code: 12,
      message: 'user-initiated abort: bye',
    });
    expect(describe_(encodeStreamCause(9))).toEqual({ code: 1, message: 'invalid stream identifier' });
    expect(describe_(encodeMissingParameterCause(7))).toEqual({ code: 2, message: 'missing mandatory parameter' });
    expect(describe_(encodeParameter(4711, new Uint8Array(0)))).toEqual({ code: 4711, message: 'error cause 4711' });
    expect(equalBytes(encodeMissingParameterCause(7), fromHex('0002000a 00000001 0007 0000'))).toBe(true);
  });
});
