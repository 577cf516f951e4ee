import { describe, expect, test } from 'vitest';
import { type ConnectionSample, type Report, takeSample } from '../../../src/app/shared/rates.ts';

type Entries = Record<string, Record<string, unknown>>;

function report(entries: Entries): Report {
  return new Map(Object.entries(entries).map(([id, entry]) => [id, { id, type: '', ...entry }]));
}

/** What Chromium says of a call, at `second`. */
function chromium(second: number, inbound: Record<string, unknown> = {}): Report {
  return report({
    T: { type: 'transport', selectedCandidatePairId: 'P', tlsVersion: 'FEFC', srtpCipher: 'AES_CM_128_HMAC_SHA1_80' },
    P: {
      type: 'candidate-pair',
      timestamp: 1e6 + second * 1000,
      bytesReceived: second * 125_000,
      bytesSent: second * 250_000,
      currentRoundTripTime: 0.042,
      localCandidateId: 'L',
      remoteCandidateId: 'R',
    },
    Q: { type: 'candidate-pair', timestamp: 1, bytesReceived: 9e9, nominated: true, state: 'succeeded' },
    L: {
      type: 'local-candidate',
      candidateType: 'relay',
      protocol: 'udp',
      relayProtocol: 'tls',
      address: '2001:db8::1',
      port: 5000,
    },
    R: { type: 'remote-candidate', candidateType: 'prflx', protocol: 'udp', address: '', port: 6000 },
    I: {
      type: 'inbound-rtp',
      kind: 'video',
      codecId: 'C',
      packetsReceived: second * 90,
      packetsLost: second * 10,
      bytesReceived: 5,
      frameWidth: 1280,
      frameHeight: 720,
      framesPerSecond: 29.7,
      ...inbound,
    },
    O: {
      type: 'outbound-rtp',
      kind: 'video',
      codecId: 'C',
      bytesSent: 0,
      frameWidth: 640,
      frameHeight: 360,
      framesPerSecond: 0,
    },
    C: { type: 'codec', mimeType: 'video/VP8' },
  });
}

describe('a sample of a connection', () => {
  test('tells rates, loss, path, codecs and pictures, of the selected pair', () => {
    const first = takeSample(chromium(1), null);
    expect(first).toMatchObject({ receiveRate: null, sendRate: null, loss: null });
    const expected: Partial<ConnectionSample> = {
      receiveRate: 1_000_000,
      sendRate: 2_000_000,
      loss: 0.1,
      localCandidate: 'relay UDP [2001:db8::1]:5000 (TLS to the relay)',
      remoteCandidate: 'prflx UDP hidden address:6000',
      codecs: ['VP8'],
      videoReceived: { width: 1280, height: 720, framesPerSecond: 30 },
      videoSent: null, // nothing goes out
      encryption: 'DTLS 1.3, AES_CM_128_HMAC_SHA1_80',
    };
    const second = takeSample(chromium(2), first);
    expect(second).toMatchObject(expected);
    expect(second.roundTrip).toBeCloseTo(42);
  });

  test('works without a transport, as Firefox reports', () => {
    const firefox = (second: number): Report =>
      report({
        A: { type: 'candidate-pair', timestamp: 0, state: 'succeeded', nominated: true, bytesReceived: 1 },
        B: {
          type: 'candidate-pair',
          timestamp: second * 1000,
          selected: true,
          bytesReceived: second * 1000,
          bytesSent: 0,
        },
        M: { type: 'remote-inbound-rtp', roundTripTime: 0.01 },
      });
    const sample = takeSample(firefox(3), takeSample(firefox(1), null));
    expect(sample).toMatchObject({ receiveRate: 8000, sendRate: 0, roundTrip: 10, loss: null, encryption: null });
  });

  test('another pair that counts from zero is no negative rate, and a packet that came after all no negative loss', () => {
    const before = takeSample(chromium(10), null);
    expect(takeSample(chromium(1), before).receiveRate).toBeNull();
    const late = takeSample(chromium(11, { packetsReceived: 1000, packetsLost: 99 }), before);
    expect(late.loss).toBe(0);
  });

  test('of an empty report is empty', () => {
    expect(takeSample(report({}), null)).toMatchObject({ localCandidate: null, codecs: [], roundTrip: null });
  });
});
