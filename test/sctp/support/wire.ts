/** What tests see of packets on the wire, and packets that tests make themselves. */
import { concatBytes, setU16, setU32, u16, u32 } from '../../../src/binary/bytes.ts';
import { CHUNK, encodeChunk, padded } from '../../../src/sctp/packet/chunk.ts';
import { HEADER, writeCommonHeader } from '../../../src/sctp/packet/common-header.ts';
import { DATA, dataChunkSize, writeDataChunk } from '../../../src/sctp/packet/data-chunk.ts';
import { SACK } from '../../../src/sctp/packet/sack-chunk.ts';

const NAMES = new Map<number, string>(Object.entries(CHUNK).map(([name, type]) => [type, name]));

export type WireChunk = { readonly name: string; readonly flags: number; readonly bytes: Uint8Array };

export function tagOf(packet: Uint8Array): number {
  return u32(packet, HEADER.verificationTag);
}

/** The chunks of a packet, each without padding. */
export function chunksOf(packet: Uint8Array): WireChunk[] {
  const chunks: WireChunk[] = [];
  for (let at: number = HEADER.size; at < packet.length; ) {
    const length = u16(packet, at + 2);
    chunks.push({
      name: NAMES.get(packet[at]!) ?? `type ${packet[at]}`,
      flags: packet[at + 1]!,
      bytes: packet.subarray(at, at + length),
    });
    at += padded(length);
  }
  return chunks;
}

/** `init`, `cookieEcho data`, `sack data data` … */
export function describePacket(packet: Uint8Array): string {
  return chunksOf(packet)
    .map(({ name }) => name)
    .join(' ');
}

export type WireData = {
  readonly flags: number;
  readonly tsn: number;
  readonly streamId: number;
  readonly ssn: number;
  readonly ppid: number;
  readonly data: Uint8Array;
};

/** The DATA chunks of packets, in order. */
export function dataOf(...packets: Uint8Array[]): WireData[] {
  return packets
    .flatMap(chunksOf)
    .filter(({ name }) => name === 'data')
    .map(({ flags, bytes }) => ({
      flags,
      tsn: u32(bytes, DATA.tsn),
      streamId: u16(bytes, DATA.streamId),
      ssn: u16(bytes, DATA.ssn),
      ppid: u32(bytes, DATA.ppid),
      data: bytes.subarray(DATA.userData),
    }));
}

export type WireSack = {
  readonly cumulativeTsnAck: number;
  readonly aRwnd: number;
  readonly gaps: [number, number][];
  readonly duplicates: number[];
};

/** The SACK chunks of packets, in order. */
export function sacksOf(...packets: Uint8Array[]): WireSack[] {
  return packets
    .flatMap(chunksOf)
    .filter(({ name }) => name === 'sack')
    .map(({ bytes }) => {
      const gaps: [number, number][] = [];
      const duplicates: number[] = [];
      const gapCount = u16(bytes, SACK.gapBlockCount);
      const duplicateCount = u16(bytes, SACK.duplicateCount);
      let at: number = SACK.gapBlocks;
      for (let i = 0; i < gapCount; i++, at += 4) gaps.push([u16(bytes, at), u16(bytes, at + 2)]);
      for (let i = 0; i < duplicateCount; i++, at += 4) duplicates.push(u32(bytes, at));
      return { cumulativeTsnAck: u32(bytes, SACK.cumulativeTsnAck), aRwnd: u32(bytes, SACK.aRwnd), gaps, duplicates };
    });
}

/** A packet of these chunks, with ports 5000 and a right checksum. Chunks are padded. */
export function packetOf(tag: number, ...chunks: Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [new Uint8Array(HEADER.size)];
  for (const chunk of chunks) {
    parts.push(chunk);
    if (chunk.length % 4 !== 0) parts.push(new Uint8Array(padded(chunk.length) - chunk.length));
  }
  const packet = concatBytes(...parts);
  writeCommonHeader(packet, 0, packet.length, 5000, 5000, tag);
  return packet;
}

export function dataChunk(fields: Partial<WireData> & { tsn: number }): Uint8Array {
  const data = fields.data ?? Uint8Array.of(1, 2, 3, 4);
  const chunk = new Uint8Array(dataChunkSize(data.length));
  writeDataChunk(
    chunk,
    0,
    fields.flags ?? 3,
    fields.tsn,
    fields.streamId ?? 0,
    fields.ssn ?? 0,
    fields.ppid ?? 51,
    data,
    0,
    data.length,
  );
  return chunk;
}

export function sackChunk(
  cumulativeTsnAck: number,
  gaps: readonly (readonly [number, number])[] = [],
  options: { aRwnd?: number; duplicates?: readonly number[] } = {},
): Uint8Array {
  const duplicates = options.duplicates ?? [];
  const value = new Uint8Array(12 + 4 * gaps.length + 4 * duplicates.length);
  setU32(value, 0, cumulativeTsnAck);
  setU32(value, 4, options.aRwnd ?? 1_000_000);
  setU16(value, 8, gaps.length);
  setU16(value, 10, duplicates.length);
  let at = 12;
  for (const [start, end] of gaps) {
    setU16(value, at, start);
    setU16(value, at + 2, end);
    at += 4;
  }
  for (const tsn of duplicates) {
    setU32(value, at, tsn);
    at += 4;
  }
  return encodeChunk(CHUNK.sack, 0, value);
}
