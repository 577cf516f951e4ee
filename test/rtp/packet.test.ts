import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../src/binary/bytes.ts';
import {
  encodeRtpPacket,
  type HeaderExtensionElement,
  isRtcp,
  RtpHeaderWriter,
  RtpPacket,
  type RtpPacketFields,
  writePadding,
} from '../../src/rtp/packet.ts';

const element = (maxId: number, minLength: number, maxLength: number) =>
  fc.record({ id: fc.integer({ min: 1, max: maxId }), data: fc.uint8Array({ minLength, maxLength }) });
const elements: fc.Arbitrary<HeaderExtensionElement[]> = fc.oneof(
  fc.uniqueArray(element(14, 1, 16), { selector: ({ id }) => id, maxLength: 14 }),
  fc.uniqueArray(element(255, 0, 255), { selector: ({ id }) => id, maxLength: 20 }),
);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const fields: fc.Arbitrary<RtpPacketFields> = fc.record({
  payloadType: fc.oneof(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 96, max: 127 })),
  marker: fc.boolean(),
  sequenceNumber: fc.integer({ min: 0, max: 0xffff }),
  timestamp: u32,
  ssrc: u32,
  csrcs: fc.array(u32, { maxLength: 15 }),
  extensions: elements,
  payload: fc.uint8Array({ maxLength: 64 }),
  padding: fc.integer({ min: 0, max: 255 }),
});

const read = (packet: RtpPacket): RtpPacketFields => ({
  payloadType: packet.payloadType,
  marker: packet.marker,
  sequenceNumber: packet.sequenceNumber,
  timestamp: packet.timestamp,
  ssrc: packet.ssrc,
  csrcs: Array.from({ length: packet.csrcCount }, (_, i) => packet.csrc(i)),
  extensions: [...packet.extensions()],
  payload: packet.payload,
  padding: packet.paddingLength,
});

const BARE = '80e00001 00000002 00000003';
const parse = (hex: string) => RtpPacket.parse(fromHex(hex));
const list = (packet: RtpPacket | null) => [...packet!.extensions()].map(({ id, data }) => `${id}:${toHex(data)}`);

describe('RtpPacket', () => {
  test('any packet reads as it was written', () => {
    fc.assert(
      fc.property(fields, (value) => {
        const packet = RtpPacket.parse(encodeRtpPacket(value));
        expect(packet && read(packet)).toEqual(value);
      }),
    );
  });

  test('RFC 3550 §5.1: the fields stand where the picture says', () => {
    const packet = parse('b1 e0 1234 deadbeef 01020304 0a0b0c0d bede0001 10aa0000 ffee 0002')!;
    expect(read(packet)).toEqual({
      payloadType: 96,
      marker: true,
      sequenceNumber: 0x1234,
      timestamp: 0xdeadbeef,
      ssrc: 0x01020304,
      csrcs: [0x0a0b0c0d],
      extensions: [{ id: 1, data: fromHex('aa') }],
      payload: fromHex('ffee'),
      padding: 2,
    });
    expect(packet.extensionProfile).toBe(0xbede);
  });

  test('fields are set in place', () => {
    const packet = parse(BARE)!;
    packet.marker = false;
    packet.payloadType = 101;
    packet.sequenceNumber = 0xffff;
    packet.timestamp = 0xffff_fffe;
    packet.ssrc = 0xffff_fffd;
    expect(toHex(packet.bytes)).toBe('8065fffffffffffefffffffd');
    packet.marker = true;
    expect([packet.payloadType, packet.marker]).toEqual([101, true]);
  });

  test('one object serves for many packets, and keeps the last good one', () => {
    const packet = new RtpPacket();
    expect(packet.bytes.length).toBe(0);
    expect(packet.read(fromHex(`${BARE}aa`))).toBe(true);
    expect(packet.read(fromHex('00'))).toBe(false);
    expect(toHex(packet.payload)).toBe('aa');
  });

  test('RFC 3550 A.1: version, lengths, padding', () => {
    expect(parse('40e00001 00000002 00000003')).toBeNull(); // version 1
    expect(parse('81e00001 00000002 00000003')).toBeNull(); // a CSRC that is not there
    expect(parse(`90${BARE.slice(2)}`)).toBeNull(); // an extension that is not there
    expect(parse(`90${BARE.slice(2)} bede0001 000000`)).toBeNull();
    expect(parse(`a0${BARE.slice(2)}`)).toBeNull(); // the padding count would be the SSRC's last byte
    expect(parse(`a0${BARE.slice(2)} 00`)).toBeNull();
    expect(parse(`a0${BARE.slice(2)} 02`)).toBeNull();
    expect(parse(`a0${BARE.slice(2)} 01`)?.payloadLength).toBe(0); // padding alone: a probe
  });

  test('RFC 5761 §4: packet types 192 to 223 are RTCP', () => {
    const type = (second: number) => Uint8Array.of(0x80, second, ...new Uint8Array(10));
    for (let second = 0; second < 256; second++) {
      expect(isRtcp(type(second))).toBe(second >= 192 && second <= 223);
      expect(RtpPacket.parse(type(second)) === null).toBe(second >= 192 && second <= 223);
    }
    expect(isRtcp(Uint8Array.of(0x80))).toBe(false);
  });

  test('RFC 8285 §4.2: the example of three elements with padding between them', () => {
    const packet = parse(`90${BARE.slice(2)} bede0003 10aa 21bbbb 0000 33cccccccc`);
    expect(list(packet)).toEqual(['1:aa', '2:bbbb', '3:cccccccc']);
    expect(packet!.extension(2)).toEqual(fromHex('bbbb'));
    expect(packet!.extension(4)).toBeNull();
  });

  test('RFC 8285 §4.3: the two-byte example, an empty element in it, application bits ignored', () => {
    expect(list(parse(`90${BARE.slice(2)} 100f0003 0100 0201aa 00 0304bbbbbbbb`))).toEqual([
      '1:',
      '2:aa',
      '3:bbbbbbbb',
    ]);
  });

  test('RFC 8285 §4.1, §4.2: ids 15 and 0 with a length end the list; what came before counts', () => {
    expect(list(parse(`90${BARE.slice(2)} bede0002 10aa f0bb 20cc 0000`))).toEqual(['1:aa']);
    expect(list(parse(`90${BARE.slice(2)} bede0002 10aa 01bb cc 20dd 00`))).toEqual(['1:aa']);
  });

  test('an element longer than the extension is none', () => {
    expect(list(parse(`90${BARE.slice(2)} bede0001 10aa 21bb ffffff`))).toEqual(['1:aa']);
    expect(list(parse(`90${BARE.slice(2)} 10000001 0100 0201 ffff`))).toEqual(['1:']);
    expect(list(parse(`90${BARE.slice(2)} 10000001 0101aa02 ffff`))).toEqual(['1:aa']);
  });

  test('an extension of another profile is skipped', () => {
    const packet = parse(`90${BARE.slice(2)} abcd0001 10aa21bb 77`)!;
    expect(list(packet)).toEqual([]);
    expect(packet.extensionProfile).toBe(0xabcd);
    expect(toHex(packet.payload)).toBe('77');
  });

  test('every truncation and every flipped byte: no exception, and payload and elements inside the packet', () => {
    const check = (bytes: Uint8Array) => {
      const packet = RtpPacket.parse(bytes);
      if (packet === null) return;
      expect(packet.payloadStart).toBeLessThanOrEqual(packet.payloadEnd);
      expect(packet.payloadEnd).toBeLessThanOrEqual(bytes.length);
      for (let at = packet.nextExtension(0); at >= 0; at = packet.nextExtension(at)) {
        expect(at + packet.extensionLength(at)).toBeLessThanOrEqual(packet.headerLength);
      }
      read(packet);
    };
    for (const twoByte of [false, true]) {
      const whole = encodeRtpPacket({
        payloadType: 96,
        marker: true,
        sequenceNumber: 1,
        timestamp: 2,
        ssrc: 3,
        csrcs: [4, 5],
        extensions: [
          { id: 1, data: fromHex('aabbcc') },
          { id: twoByte ? 200 : 2, data: fromHex('dd') },
        ],
        payload: fromHex('0102030405'),
        padding: 4,
      });
      for (let length = 0; length <= whole.length; length++) check(whole.slice(0, length));
      for (let i = 0; i < whole.length; i++) {
        for (let value = 0; value < 256; value++) {
          const flipped = whole.slice();
          flipped[i] = value;
          check(flipped);
        }
      }
    }
  });
});

describe('RtpHeaderWriter', () => {
  test('writes into the middle of a buffer, and the data of an element where it said', () => {
    const bytes = new Uint8Array(40).fill(0xee);
    const writer = new RtpHeaderWriter();
    writer.begin(bytes, 4, 96, true, 1, 2, 3);
    writer.csrc(7);
    const at = writer.extension(3, 2);
    bytes[at] = 0xab;
    bytes[at + 1] = 0xcd;
    expect(writer.end()).toBe(4 + 12 + 4 + 8);
    expect(toHex(bytes.subarray(0, 30))).toBe('eeeeeeee91e00001000000020000000300000007bede000131abcd00eeee');
  });

  test('refuses what the form does not have', () => {
    const writer = new RtpHeaderWriter();
    const bytes = new Uint8Array(2000);
    for (const [id, length] of [
      [0, 1],
      [15, 1],
      [1, 0],
      [1, 17],
    ] as const) {
      writer.begin(bytes, 0, 96, true, 1, 2, 3);
      expect(() => writer.extension(id, length)).toThrow(RangeError);
    }
    writer.begin(bytes, 0, 96, true, 1, 2, 3, true);
    expect(() => writer.extension(256, 1)).toThrow(RangeError);
    expect(() => writer.extension(255, 256)).toThrow(RangeError);
    expect(() => writer.extension(0, 1)).toThrow(RangeError);
    writer.extension(255, 0);
    expect(() => writer.csrc(1)).toThrow(RangeError);
    expect(() => writePadding(bytes, 0, 12, 256)).toThrow(RangeError);
    expect(() => encodeRtpPacket({ ...read(parse(BARE)!), payloadType: 128 })).toThrow(RangeError);
  });
});
