/** Fixtures as they stand on the wire, and an endpoint that only signals: the W3C bookkeeping around src/sdp. */
import { readFileSync } from 'node:fs';
import {
  createAnswer,
  createOffer,
  type DescriptionType,
  type Fingerprint,
  formatDescription,
  type LocalModel,
  type Negotiated,
  type NegotiatedTransport,
  type NegotiationState,
  negotiate,
  parseDescription,
  type SessionDescription,
  validateRemote,
} from '../../src/sdp/index.ts';

export function fixture(name: string): string {
  const text = readFileSync(new URL(`../../fixtures/sdp/${name}.sdp`, import.meta.url), 'utf8');
  return text.replace(/\r?\n/g, '\r\n');
}

export const FIXTURES = [
  'chromium-data-offer',
  'chromium-data-answer',
  'chromium-media-offer',
  'firefox-data-offer',
  'firefox-data-answer',
  'firefox-media-offer',
  'legacy-sctpmap-offer',
  'libdatachannel-data-offer',
  'max-bundle-media-offer',
  'rejected-audio-answer',
  'snap-data-answer',
] as const;

export const FINGERPRINT: Fingerprint = {
  algorithm: 'sha-256',
  value: Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, '0').toUpperCase()).join(':'),
};

export function model(changes: Partial<LocalModel['transport']> = {}): LocalModel {
  return {
    sessionId: '1234567890123456789',
    transport: {
      ice: { usernameFragment: 'ufrg', password: 'aPasswordOf22CharsOrSo' },
      fingerprints: [FINGERPRINT],
      ...changes,
    },
    sctp: { maxMessageSize: 262_144 },
  };
}

export const NOTHING_YET: NegotiationState = {
  currentLocal: null,
  currentRemote: null,
  pendingLocal: null,
  pendingRemote: null,
  lastCreated: null,
};

export class Peer {
  model: LocalModel;
  state: NegotiationState = NOTHING_YET;

  constructor(localModel: LocalModel = model()) {
    this.model = localModel;
  }

  offer(wants: { data: boolean } = { data: true }): SessionDescription {
    const lastCreated = createOffer(this.model, this.state, wants);
    this.state = { ...this.state, lastCreated };
    return lastCreated;
  }

  answer(): SessionDescription {
    const lastCreated = createAnswer(this.model, this.state);
    this.state = { ...this.state, lastCreated };
    return lastCreated;
  }

  setLocal(type: DescriptionType, description: SessionDescription): void {
    this.state =
      type === 'offer'
        ? { ...this.state, pendingLocal: description }
        : { ...this.#settled(), currentLocal: description, currentRemote: this.state.pendingRemote };
  }

  setRemote(type: DescriptionType, description: SessionDescription | string): SessionDescription {
    const text = typeof description === 'string' ? description : formatDescription(description);
    const parsed = parseDescription(text);
    validateRemote(type, parsed, this.state);
    this.state =
      type === 'offer'
        ? { ...this.state, pendingRemote: parsed }
        : { ...this.#settled(), currentRemote: parsed, currentLocal: this.state.pendingLocal };
    return parsed;
  }

  #settled(): NegotiationState {
    return { ...this.state, pendingLocal: null, pendingRemote: null };
  }
}

/** An outcome where everything is on one transport. */
export type Outcome = NegotiatedTransport & Omit<Negotiated, 'transports'>;

export function onOneTransport(negotiated: Negotiated | null): Outcome | null {
  if (negotiated === null) return null;
  const { transports, ...rest } = negotiated;
  if (transports.length !== 1) throw new Error(`there are ${transports.length} transports`);
  return { ...transports[0]!, ...rest };
}

/** One whole exchange; returns what each side got out of it. */
export function exchange(
  offerer: Peer,
  answerer: Peer,
  wants: { data: boolean } = { data: true },
): { offerer: Outcome | null; answerer: Outcome | null } {
  const offer = offerer.offer(wants);
  offerer.setLocal('offer', offer);
  answerer.setRemote('offer', offer);
  const answer = answerer.answer();
  answerer.setLocal('answer', answer);
  offerer.setRemote('answer', answer);
  return {
    offerer: onOneTransport(negotiate(offerer.state.currentLocal!, offerer.state.currentRemote!, 'remote')),
    answerer: onOneTransport(negotiate(answerer.state.currentLocal!, answerer.state.currentRemote!, 'local')),
  };
}
