/** ClientHello, ServerHello and HelloVerifyRequest (RFC 5246 §7.4.1, RFC 6347 §4.2.1, §4.3.2). */
import { ByteReader } from '../binary/reader.ts';
import { ByteWriter } from '../binary/writer.ts';
import { decodeUint16s, type Extensions, readExtensions, writeExtensions } from './extensions.ts';

export const RANDOM_LENGTH = 32;
const MAX_SESSION_ID_LENGTH = 32;

/** CompressionMethod.null, the only one (RFC 9325 §3.3). */
export const NULL_COMPRESSION = 0;

/** In cipher_suites: as good as an empty renegotiation_info (RFC 5746 §3.3). */
export const TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff;

/**
 *     struct {
 *         ProtocolVersion client_version;
 *         Random random;
 *         SessionID session_id;                               // <0..32>
 *         opaque cookie<0..2^8-1>;
 *         CipherSuite cipher_suites<2..2^16-1>;
 *         CompressionMethod compression_methods<1..2^8-1>;
 *         Extension extensions<0..2^16-1>;                    // or nothing at all
 *     } ClientHello;
 */
export type ClientHello = {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cookie: Uint8Array;
  readonly cipherSuites: readonly number[];
  readonly compressionMethods: Uint8Array;
  readonly extensions: Extensions;
};

export function encodeClientHello(hello: ClientHello): Uint8Array {
  const writer = new ByteWriter(256);
  writer.u16(hello.version).bytes(hello.random);
  writer.vector8((w) => w.bytes(hello.sessionId)).vector8((w) => w.bytes(hello.cookie));
  writer.vector16((suites) => {
    for (const suite of hello.cipherSuites) suites.u16(suite);
  });
  writer.vector8((w) => w.bytes(hello.compressionMethods));
  writeExtensions(writer, hello.extensions);
  return writer.finish();
}

export function decodeClientHello(body: Uint8Array): ClientHello | null {
  const reader = new ByteReader(body);
  const version = reader.u16();
  const random = reader.take(RANDOM_LENGTH);
  const sessionId = reader.vector8();
  const cookie = reader.vector8();
  const cipherSuites = decodeUint16s(reader.vector16());
  const compressionMethods = reader.vector8();
  const extensions = readExtensions(reader);
  if (!cipherSuites || !extensions || sessionId.length > MAX_SESSION_ID_LENGTH || compressionMethods.length === 0) {
    return null;
  }
  return { version, random, sessionId, cookie, cipherSuites, compressionMethods, extensions };
}

/**
 *     struct {
 *         ProtocolVersion server_version;
 *         Random random;
 *         SessionID session_id;
 *         CipherSuite cipher_suite;
 *         CompressionMethod compression_method;
 *         Extension extensions<0..2^16-1>;                    // or nothing at all
 *     } ServerHello;
 */
export type ServerHello = {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cipherSuite: number;
  readonly compressionMethod: number;
  readonly extensions: Extensions;
};

export function encodeServerHello(hello: ServerHello): Uint8Array {
  const writer = new ByteWriter(128);
  writer.u16(hello.version).bytes(hello.random);
  writer.vector8((w) => w.bytes(hello.sessionId));
  writer.u16(hello.cipherSuite).u8(hello.compressionMethod);
  writeExtensions(writer, hello.extensions);
  return writer.finish();
}

export function decodeServerHello(body: Uint8Array): ServerHello | null {
  const reader = new ByteReader(body);
  const version = reader.u16();
  const random = reader.take(RANDOM_LENGTH);
  const sessionId = reader.vector8();
  const cipherSuite = reader.u16();
  const compressionMethod = reader.u8();
  const extensions = readExtensions(reader);
  if (!extensions || sessionId.length > MAX_SESSION_ID_LENGTH) return null;
  return { version, random, sessionId, cipherSuite, compressionMethod, extensions };
}

/**
 *     struct {
 *         ProtocolVersion server_version;                     // of the packet format only: it decides nothing
 *         opaque cookie<0..2^8-1>;
 *     } HelloVerifyRequest;
 */
export type HelloVerifyRequest = { readonly version: number; readonly cookie: Uint8Array };

export function encodeHelloVerifyRequest({ version, cookie }: HelloVerifyRequest): Uint8Array {
  return new ByteWriter()
    .u16(version)
    .vector8((w) => w.bytes(cookie))
    .finish();
}

export function decodeHelloVerifyRequest(body: Uint8Array): HelloVerifyRequest | null {
  const reader = new ByteReader(body);
  const version = reader.u16();
  const cookie = reader.vector8();
  return reader.atEnd ? { version, cookie } : null;
}
