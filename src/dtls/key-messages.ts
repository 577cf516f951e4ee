/**
 * The messages that carry certificates, keys and signatures: Certificate (RFC 5246 §7.4.2), ServerKeyExchange and
 * ClientKeyExchange (RFC 8422 §5.4, §5.7), CertificateRequest (§7.4.4), CertificateVerify (§7.4.8).
 */
import { ByteReader } from '../binary/reader.ts';
import { ByteWriter } from '../binary/writer.ts';
import { decodeUint16s } from './extensions.ts';

/**
 *     opaque ASN.1Cert<1..2^24-1>;
 *     struct { ASN.1Cert certificate_list<0..2^24-1>; } Certificate;
 */
export function encodeCertificate(chain: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.vector24((list) => {
    for (const certificate of chain) list.vector24((w) => w.bytes(certificate));
  });
  return writer.finish();
}

export function decodeCertificate(body: Uint8Array): Uint8Array[] | null {
  const reader = new ByteReader(body);
  const list = new ByteReader(reader.vector24());
  const chain: Uint8Array[] = [];
  while (list.remaining > 0) {
    const certificate = list.vector24();
    if (!list.ok || certificate.length === 0) return null;
    chain.push(certificate);
  }
  return reader.atEnd ? chain : null;
}

/** A signature with the two bytes that say how it was made. */
export type DigitallySigned = { readonly scheme: number; readonly signature: Uint8Array };

/**
 *     struct {
 *         SignatureAndHashAlgorithm algorithm;
 *         opaque signature<0..2^16-1>;
 *     } DigitallySigned;                                      // all of a CertificateVerify
 */
export function encodeCertificateVerify({ scheme, signature }: DigitallySigned): Uint8Array {
  return new ByteWriter(256)
    .u16(scheme)
    .vector16((w) => w.bytes(signature))
    .finish();
}

export function decodeCertificateVerify(body: Uint8Array): DigitallySigned | null {
  const reader = new ByteReader(body);
  const signed = readDigitallySigned(reader);
  return reader.atEnd ? signed : null;
}

function readDigitallySigned(reader: ByteReader): DigitallySigned {
  return { scheme: reader.u16(), signature: reader.vector16() };
}

/** RFC 8422 §5.4: ECCurveType; the explicit ones are gone. */
export const NAMED_CURVE = 3;

/**
 *     struct {
 *         ECCurveType curve_type;                             // named_curve(3)
 *         NamedCurve namedcurve;
 *         opaque point<1..2^8-1>;
 *     } ServerECDHParams;
 *     struct { ServerECDHParams params; DigitallySigned signed_params; } ServerKeyExchange;
 */
export type ServerKeyExchange = {
  readonly curveType: number;
  readonly group: number;
  readonly point: Uint8Array;
  /** The bytes of ServerECDHParams, which the signature covers behind both randoms. */
  readonly params: Uint8Array;
  readonly signed: DigitallySigned;
};

export function encodeServerEcdhParams(group: number, point: Uint8Array): Uint8Array {
  return new ByteWriter(128)
    .u8(NAMED_CURVE)
    .u16(group)
    .vector8((w) => w.bytes(point))
    .finish();
}

export function encodeServerKeyExchange(params: Uint8Array, signed: DigitallySigned): Uint8Array {
  return new ByteWriter(512).bytes(params).bytes(encodeCertificateVerify(signed)).finish();
}

export function decodeServerKeyExchange(body: Uint8Array): ServerKeyExchange | null {
  const reader = new ByteReader(body);
  const curveType = reader.u8();
  const group = reader.u16();
  const point = reader.vector8();
  const params = body.subarray(0, reader.offset);
  const signed = readDigitallySigned(reader);
  return reader.atEnd && point.length > 0 ? { curveType, group, point, params, signed } : null;
}

/** `struct { opaque point<1..2^8-1>; } ClientECDiffieHellmanPublic`, all of a ClientKeyExchange. */
export function encodeClientKeyExchange(point: Uint8Array): Uint8Array {
  return new ByteWriter(128).vector8((w) => w.bytes(point)).finish();
}

export function decodeClientKeyExchange(body: Uint8Array): Uint8Array | null {
  const reader = new ByteReader(body);
  const point = reader.vector8();
  return reader.atEnd && point.length > 0 ? point : null;
}

/** ClientCertificateType: RFC 5246 §7.4.4 and RFC 8422 §5.5. */
export const CERTIFICATE_TYPE = { rsaSign: 1, ecdsaSign: 64 } as const;

/**
 *     struct {
 *         ClientCertificateType certificate_types<1..2^8-1>;
 *         SignatureAndHashAlgorithm supported_signature_algorithms<2..2^16-2>;
 *         DistinguishedName certificate_authorities<0..2^16-1>;
 *     } CertificateRequest;
 */
export type CertificateRequest = { readonly types: readonly number[]; readonly signatureSchemes: readonly number[] };

/** Without authorities: any certificate will be looked at. */
export function encodeCertificateRequest({ types, signatureSchemes }: CertificateRequest): Uint8Array {
  const writer = new ByteWriter();
  writer.vector8((w) => w.bytes(Uint8Array.from(types)));
  writer.vector16((list) => {
    for (const scheme of signatureSchemes) list.u16(scheme);
  });
  return writer.u16(0).finish();
}

export function decodeCertificateRequest(body: Uint8Array): CertificateRequest | null {
  const reader = new ByteReader(body);
  const types = [...reader.vector8()];
  const signatureSchemes = decodeUint16s(reader.vector16());
  const authorities = new ByteReader(reader.vector16());
  while (authorities.remaining > 0) {
    if (authorities.vector16().length === 0) return null; // DistinguishedName<1..2^16-1>
  }
  if (!reader.atEnd || !authorities.ok || types.length === 0 || !signatureSchemes) return null;
  return { types, signatureSchemes };
}
