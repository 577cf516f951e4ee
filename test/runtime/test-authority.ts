/** Certificates for TLS in tests: an authority of their own, made without any tool, on every runtime. */
import { fromHex } from '../../src/binary/bytes.ts';
import { defaultCrypto } from '../../src/crypto/default.ts';
import { DER, encodeDer } from '../../src/crypto/der.ts';
import { encodeBits, encodeEcPrivateKey, encodeEcPublicKey } from '../../src/crypto/key-data.ts';
import type { PrivateKey } from '../../src/crypto/provider.ts';
import { drawScalar } from '../../src/crypto/scalar.ts';
import { addressFamily, parseAddress } from '../../src/ice/address.ts';

const CURVE = 'secp256r1';
/** RFC 5280 §A.1, §4.2.1.6, §4.2.1.9; RFC 5758 §3.2. */
const OID = {
  commonName: fromHex('550403'),
  subjectAltName: fromHex('551d11'),
  basicConstraints: fromHex('551d13'),
  ecdsaWithSha256: fromHex('2a8648ce3d040302'),
};
const BOOLEAN = 0x01;
/** GeneralName [2] and [7] (RFC 5280 §4.2.1.6). */
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const DAY_MS = 86_400_000;

/** A certificate and its key, both in PEM. */
export type TestCertificate = { readonly certificateChain: string; readonly privateKey: string };

export class TestAuthority {
  /** The authority's own certificate, in PEM. */
  readonly certificate: string;
  readonly #key: PrivateKey;
  readonly #name: Uint8Array;

  constructor(name = 'PureRTC test authority') {
    const crypto = defaultCrypto();
    const keys = newKeys();
    this.#name = distinguishedName(name);
    this.#key = crypto.importPrivateKey(keys.pkcs8);
    const isAuthority = encodeDer(DER.sequence, encodeDer(BOOLEAN, Uint8Array.of(0xff)));
    this.certificate = pem('CERTIFICATE', this.#sign(this.#name, keys.publicKey, OID.basicConstraints, isAuthority));
  }

  /** For a server with these DNS names and IP literals; the chain has the authority in it. */
  issue(...names: string[]): TestCertificate {
    const keys = newKeys();
    const encoder = new TextEncoder();
    const general = names.map((name) =>
      addressFamily(name) === 0
        ? encodeDer(DNS_NAME, encoder.encode(name))
        : encodeDer(IP_ADDRESS, parseAddress(name)!),
    );
    const subject = distinguishedName(names[0]!);
    const leaf = this.#sign(subject, keys.publicKey, OID.subjectAltName, encodeDer(DER.sequence, ...general));
    return {
      certificateChain: pem('CERTIFICATE', leaf) + this.certificate,
      privateKey: pem('PRIVATE KEY', keys.pkcs8),
    };
  }

  #sign(subject: Uint8Array, publicKey: Uint8Array, extension: Uint8Array, value: Uint8Array): Uint8Array {
    const { random } = defaultCrypto();
    const serial = new Uint8Array(8);
    random.fill(serial);
    serial[0] = (serial[0]! & 0x7f) | 0x40;
    const algorithm = encodeDer(DER.sequence, encodeDer(DER.objectIdentifier, OID.ecdsaWithSha256));
    const id = encodeDer(DER.objectIdentifier, extension);
    const critical = extension === OID.basicConstraints ? [encodeDer(BOOLEAN, Uint8Array.of(0xff))] : [];
    const tbs = encodeDer(
      DER.sequence,
      encodeDer(DER.context, encodeDer(DER.integer, Uint8Array.of(2))), // v3
      encodeDer(DER.integer, serial),
      algorithm,
      this.#name,
      encodeDer(DER.sequence, time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
      subject,
      publicKey,
      encodeDer(
        DER.context + 3,
        encodeDer(DER.sequence, encodeDer(DER.sequence, id, ...critical, encodeDer(DER.octetString, value))),
      ),
    );
    const signature = this.#key.sign({ kind: 'ecdsa', hash: 'sha256' }, tbs, random);
    return encodeDer(DER.sequence, tbs, algorithm, encodeBits(signature));
  }
}

function newKeys(): { publicKey: Uint8Array; pkcs8: Uint8Array } {
  const crypto = defaultCrypto();
  const scalar = drawScalar(CURVE, crypto.random);
  const { publicKey: point } = crypto.generateKeyAgreement(CURVE, { fill: (target) => target.set(scalar) });
  return { publicKey: encodeEcPublicKey(CURVE, point), pkcs8: encodeEcPrivateKey(CURVE, scalar, point) };
}

function distinguishedName(name: string): Uint8Array {
  const value = encodeDer(DER.utf8String, new TextEncoder().encode(name));
  const attribute = encodeDer(DER.sequence, encodeDer(DER.objectIdentifier, OID.commonName), value);
  return encodeDer(DER.sequence, encodeDer(DER.set, attribute));
}

function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().slice(2, 19).replace(/[-T:]/g, '');
  return encodeDer(DER.utcTime, new TextEncoder().encode(`${digits}Z`));
}

function pem(label: string, der: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...der)).replace(/.{64}(?!$)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}
