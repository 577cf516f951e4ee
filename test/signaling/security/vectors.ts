import { readFileSync } from 'node:fs';

type Keys = { readonly roomKey: string; readonly sealKey: string; readonly authKey: string };
type MeetingPeer = { readonly peerId: string; readonly sdp: string };

/** fixtures/room-security: made from the documentation by other code than ours. */
export const vectors: {
  readonly secrets: readonly (Keys & { readonly secret: string; readonly appId: string; readonly room: string })[];
  readonly passwords: readonly (Keys & {
    readonly password: string;
    readonly appId: string;
    readonly room: string;
    /** What scrypt makes of it: the secret. */
    readonly stretched: string;
  })[];
  readonly seals: readonly {
    readonly roomKey: string;
    readonly sealKey: string;
    readonly kind: 'offer' | 'answer';
    readonly offerId: string;
    readonly from: string;
    readonly to?: string;
    readonly time: number;
    readonly nonce: string;
    readonly sdp: string;
    readonly text: string;
  }[];
  readonly identities: readonly {
    readonly side: 'offerer' | 'answerer';
    readonly seed: string;
    readonly publicKey: string;
    readonly peerId: string;
    readonly roomKey: string;
    readonly offerId: string;
    readonly offerer: MeetingPeer;
    readonly answerer: MeetingPeer;
    readonly time: number;
    readonly signature: string;
  }[];
} = JSON.parse(readFileSync(new URL('../../../fixtures/room-security/vectors.json', import.meta.url), 'utf8'));
