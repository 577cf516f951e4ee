/** Who is there and who leaves: SDES (RFC 3550 §6.5), BYE (§6.6) and APP (§6.7). */
import { ByteReader } from '../../binary/reader.ts';
import type { ByteWriter } from '../../binary/writer.ts';
import type { ApplicationDefined, Goodbye, SdesChunk, SdesItem, SourceDescription } from './types.ts';

const MAX_TEXT_BYTES = 255;
const NAME_LENGTH = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function readSourceDescription(body: Uint8Array, count: number): SourceDescription | null {
  const reader = new ByteReader(body);
  const chunks: SdesChunk[] = [];
  for (let i = 0; i < count && reader.ok; i++) {
    const ssrc = reader.u32();
    const items: SdesItem[] = [];
    // "Each chunk … a list of zero or more items … terminated by one or more null octets" up to a 32-bit boundary.
    for (let type = reader.u8(); type !== 0; type = reader.u8()) {
      items.push({ type, text: decoder.decode(reader.vector8()) });
    }
    reader.take(-reader.offset & 3);
    chunks.push({ ssrc, items });
  }
  return reader.ok ? { kind: 'sdes', chunks } : null;
}

export function writeSourceDescription(writer: ByteWriter, { chunks }: SourceDescription): void {
  for (const { ssrc, items } of chunks) {
    writer.u32(ssrc);
    for (const { type, text } of items) {
      if (type < 1 || type > 255) throw new RangeError(`SDES items have types 1 to 255, not ${type}`);
      writer.u8(type);
      writeText(writer, text);
    }
    do writer.u8(0);
    while (writer.length & 3);
  }
}

export function readGoodbye(body: Uint8Array, count: number): Goodbye | null {
  const reader = new ByteReader(body);
  const ssrcs: number[] = [];
  for (let i = 0; i < count && reader.ok; i++) ssrcs.push(reader.u32());
  const reason = reader.remaining > 0 ? decoder.decode(reader.vector8()) : '';
  if (!reader.ok) return null;
  return reason === '' ? { kind: 'bye', ssrcs } : { kind: 'bye', ssrcs, reason };
}

export function writeGoodbye(writer: ByteWriter, { ssrcs, reason }: Goodbye): void {
  for (const ssrc of ssrcs) writer.u32(ssrc);
  if (!reason) return;
  writeText(writer, reason);
  while (writer.length & 3) writer.u8(0);
}

export function readApplicationDefined(body: Uint8Array, subtype: number): ApplicationDefined | null {
  const reader = new ByteReader(body);
  const ssrc = reader.u32();
  const name = String.fromCharCode(...reader.take(NAME_LENGTH));
  const data = reader.rest();
  return reader.ok ? { kind: 'app', subtype, ssrc, name, data } : null;
}

export function writeApplicationDefined(writer: ByteWriter, { subtype, ssrc, name, data }: ApplicationDefined): void {
  if (name.length !== NAME_LENGTH || subtype < 0 || subtype > 31 || data.length & 3) {
    throw new RangeError('APP has a name of 4 characters, a subtype of 0 to 31, and data of a multiple of 4 bytes');
  }
  writer.u32(ssrc).bytes(Uint8Array.from(name, (character) => character.charCodeAt(0)));
  writer.bytes(data);
}

function writeText(writer: ByteWriter, text: string): void {
  const bytes = encoder.encode(text);
  if (bytes.length > MAX_TEXT_BYTES) throw new RangeError(`text of RTCP has at most 255 bytes, not ${bytes.length}`);
  writer.vector8((inner) => inner.bytes(bytes));
}
