/**
 * Hello extensions (RFC 5246 §7.4.1.4): the block, and the inside of each one we know. The decoders are strict: `null`
 * is a decode_error. What a well-formed value means is for the handshake to judge.
 *
 *     struct {
 *         ExtensionType extension_type;
 *         opaque extension_data<0..2^16-1>;
 *     } Extension;
 */
import { ByteReader } from '../binary/reader.ts';
import { ByteWriter } from '../binary/writer.ts';

export const EXTENSION = {
  serverName: 0, // RFC 6066 §3
  supportedGroups: 10, // RFC 8422 §5.1.1
  ecPointFormats: 11, // RFC 8422 §5.1.2
  signatureAlgorithms: 13, // RFC 5246 §7.4.1.4.1
  useSrtp: 14, // RFC 5764 §4.1.1
  applicationLayerProtocolNegotiation: 16, // RFC 7301 §3.1
  extendedMasterSecret: 23, // RFC 7627 §5.1
  supportedVersions: 43, // RFC 8446 §4.2.1
  renegotiationInfo: 0xff01, // RFC 5746 §3.2
} as const;

/** Extensions by type, in the order in which they are written or were read. */
export type Extensions = ReadonlyMap<number, Uint8Array>;

/** RFC 8422 §5.1.2: `uncompressed (0)`, the only point format that is left. */
export const UNCOMPRESSED = 0;

const EMPTY = new Uint8Array(0);

/** Reads the block that ends a hello: it may be missing, but not twice the same type in it. */
export function readExtensions(reader: ByteReader): Extensions | null {
  const extensions = new Map<number, Uint8Array>();
  if (!reader.ok) return null;
  if (reader.atEnd) return extensions;
  const block = new ByteReader(reader.vector16());
  if (!reader.atEnd) return null;
  while (block.remaining > 0) {
    const type = block.u16();
    const data = block.vector16();
    if (!block.ok || extensions.has(type)) return null;
    extensions.set(type, data);
  }
  return extensions;
}

export function writeExtensions(writer: ByteWriter, extensions: Extensions): void {
  if (extensions.size === 0) return;
  writer.vector16((block) => {
    for (const [type, data] of extensions) block.u16(type).vector16((w) => w.bytes(data));
  });
}

/** supported_groups and signature_algorithms: `uint16 list<2..2^16-1>`. */
export function encodeUint16List(values: readonly number[]): Uint8Array {
  const writer = new ByteWriter();
  writer.vector16((list) => {
    for (const value of values) list.u16(value);
  });
  return writer.finish();
}

export function decodeUint16List(data: Uint8Array): number[] | null {
  const reader = new ByteReader(data);
  const list = reader.vector16();
  return reader.atEnd ? decodeUint16s(list) : null;
}

/** A vector of `uint16`s without its length; `null` when it is empty or odd. */
export function decodeUint16s(list: Uint8Array): number[] | null {
  if (list.length === 0 || list.length % 2 !== 0) return null;
  const reader = new ByteReader(list);
  const values: number[] = [];
  while (reader.remaining > 0) values.push(reader.u16());
  return values;
}

/** supported_versions in a ClientHello: `ProtocolVersion versions<2..254>`. */
export function decodeSupportedVersions(data: Uint8Array): number[] | null {
  const reader = new ByteReader(data);
  const list = reader.vector8();
  return reader.atEnd ? decodeUint16s(list) : null;
}

/** ec_point_formats: `ECPointFormat list<1..2^8-1>`; renegotiation_info has the same form. */
export function encodeVector8(content: Uint8Array): Uint8Array {
  return new ByteWriter().vector8((w) => w.bytes(content)).finish();
}

export function decodePointFormats(data: Uint8Array): Uint8Array | null {
  const reader = new ByteReader(data);
  const formats = reader.vector8();
  return reader.atEnd && formats.length > 0 ? formats : null;
}

/** renegotiation_info: `opaque renegotiated_connection<0..255>`, empty in the first handshake (RFC 5746 §3.4). */
export function decodeRenegotiationInfo(data: Uint8Array): Uint8Array | null {
  const reader = new ByteReader(data);
  const connection = reader.vector8();
  return reader.atEnd ? connection : null;
}

/**
 * server_name in a ClientHello (RFC 6066 §3): `ServerName server_name_list<1..2^16-1>`, each a type and, for all types
 * there may ever be, `opaque<1..2^16-1>`; none twice. We have one certificate and no use for the names.
 */
export function decodeServerNames(data: Uint8Array): ReadonlyMap<number, Uint8Array> | null {
  const reader = new ByteReader(data);
  const list = new ByteReader(reader.vector16());
  const names = new Map<number, Uint8Array>();
  while (list.remaining > 0) {
    const type = list.u8();
    const name = list.vector16();
    if (!list.ok || name.length === 0 || names.has(type)) return null;
    names.set(type, name);
  }
  return reader.atEnd && names.size > 0 ? names : null;
}

/** extended_master_secret has no content. */
export function decodeEmpty(data: Uint8Array): Uint8Array | null {
  return data.length === 0 ? EMPTY : null;
}

/**
 * use_srtp (RFC 5764 §4.1.1):
 *
 *     struct {
 *         SRTPProtectionProfile SRTPProtectionProfiles<2..2^16-1>;
 *         opaque srtp_mki<0..255>;
 *     } UseSRTPData;
 */
export type UseSrtp = { readonly profiles: readonly number[]; readonly mki: Uint8Array };

/** We never use an MKI. */
export function encodeUseSrtp(profiles: readonly number[]): Uint8Array {
  const writer = new ByteWriter();
  writer.bytes(encodeUint16List(profiles)).u8(0);
  return writer.finish();
}

export function decodeUseSrtp(data: Uint8Array): UseSrtp | null {
  const reader = new ByteReader(data);
  const profiles = decodeUint16s(reader.vector16());
  const mki = reader.vector8();
  return reader.atEnd && profiles ? { profiles, mki } : null;
}

/** ALPN (RFC 7301 §3.1): `ProtocolName protocol_name_list<2..2^16-1>`, each `opaque<1..2^8-1>`. */
export function encodeProtocolNames(names: readonly string[]): Uint8Array {
  const writer = new ByteWriter();
  writer.vector16((list) => {
    for (const name of names) list.vector8((w) => w.bytes(new TextEncoder().encode(name)));
  });
  return writer.finish();
}

/** Names as text; bytes that are not UTF-8 become U+FFFD and so match nothing. */
export function decodeProtocolNames(data: Uint8Array): string[] | null {
  const reader = new ByteReader(data);
  const list = new ByteReader(reader.vector16());
  const names: string[] = [];
  while (list.remaining > 0) {
    const name = list.vector8();
    if (!list.ok || name.length === 0) return null;
    names.push(new TextDecoder().decode(name));
  }
  return reader.atEnd && names.length > 0 ? names : null;
}
