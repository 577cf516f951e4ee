import { afterEach, describe, expect, test } from 'vitest';
import { RTCPeerConnection } from '../../src/index.ts';
import { Pair, record } from './support.ts';

let pair: Pair | null = null;
afterEach(() => {
  pair?.close();
  pair = null;
});

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' };

describe('certificates', () => {
  test('a connection makes one of its own, which no other has', async () => {
    const fingerprints = await Promise.all(
      [1, 2].map(async () => {
        const connection = new RTCPeerConnection();
        connection.createDataChannel('x');
        const { sdp } = await connection.createOffer();
        connection.close();
        return /a=fingerprint:(.*)/.exec(sdp)![1];
      }),
    );
    expect(fingerprints[0]).not.toBe(fingerprints[1]);
  });

  test('one that is passed in is the one that is shown, to as many as are given it', async () => {
    const certificate = await RTCPeerConnection.generateCertificate(ECDSA);
    pair = new Pair({ configuration: { certificates: [certificate] } });
    await pair.open();
    const [der] = pair.b.sctp!.transport.getRemoteCertificates();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', der!));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(':');
    expect(certificate.getFingerprints()).toEqual([{ algorithm: 'sha-256', value: hex }]);
  });

  test('an expired one is refused', async () => {
    const certificate = await RTCPeerConnection.generateCertificate({ ...ECDSA, expires: 0 } as AlgorithmIdentifier);
    const make = (): RTCPeerConnection => new RTCPeerConnection({ certificates: [certificate] });
    expect(make).toThrow(expect.objectContaining({ name: 'InvalidAccessError' }));
  });
});

describe('setConfiguration', () => {
  test('what is given out is a copy', () => {
    const connection = new RTCPeerConnection({ iceServers: [{ urls: 'stun:192.0.2.1' }] });
    connection.getConfiguration().iceServers.length = 0;
    expect(connection.getConfiguration().iceServers).toEqual([{ urls: ['stun:192.0.2.1'] }]);
    connection.setConfiguration({});
    expect(connection.getConfiguration().iceServers).toEqual([]);
  });

  test('cannot change the bundle policy, nor the pool once a description was set', async () => {
    pair = new Pair();
    const { a } = pair;
    const modified = expect.objectContaining({ name: 'InvalidModificationError' });
    expect(() => a.setConfiguration({ bundlePolicy: 'max-bundle' })).toThrow(modified);
    a.setConfiguration({ iceCandidatePoolSize: 1 });
    await a.setLocalDescription();
    expect(() => a.setConfiguration({ iceCandidatePoolSize: 2 })).toThrow(modified);
  });
});

test('a certificate that does not match the fingerprint fails both connections, and both are told why', async () => {
  pair = new Pair().trickle();
  const { a, b } = pair;
  const log: string[] = [];
  for (const [name, connection] of [
    ['a', a],
    ['b', b],
  ] as const) {
    record(log, connection, 'connectionstatechange', () => `${name} ${connection.connectionState}`);
  }
  a.createDataChannel('x');
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription!);
  await b.setLocalDescription();
  const forged = b.localDescription!.sdp.replace(/(a=fingerprint:sha-256 )..:..:../, '$100:00:00');
  const errors: { errorDetail: string; receivedAlert: number | null }[] = [];
  b.sctp!.transport.onerror = ({ error }) => errors.push(error);
  a.sctp!.transport.onerror = ({ error }) => errors.push(error);
  await a.setRemoteDescription({ type: 'answer', sdp: forged });
  await pair.until(() => a.connectionState === 'failed' && b.connectionState === 'failed');
  expect(errors).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ errorDetail: 'fingerprint-failure' }),
      expect.objectContaining({ errorDetail: 'dtls-failure', receivedAlert: 42 }), // bad_certificate
    ]),
  );
  expect(log).toContain('connectionstatechange: a failed');
});

test('an interface that is only given out cannot be made by scripts', async () => {
  const classes = await import('../../src/index.ts');
  for (const name of [
    'RTCDataChannel',
    'RTCIceTransport',
    'RTCDtlsTransport',
    'RTCSctpTransport',
    'RTCCertificate',
  ] as const) {
    const Interface = classes[name] as unknown as new () => object;
    expect(() => new Interface(), name).toThrow('Illegal constructor');
    expect(Object.prototype.toString.call(Interface.prototype)).toBe(`[object ${name}]`);
  }
});
