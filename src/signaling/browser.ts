/** Rooms over WebTorrent trackers, for browsers: the same names, nothing of Node's, and the browser's own connections. */
export { RoomKey } from './room-key.ts';
export { type IdentityProof, type Meeting, PeerIdentity, verifyIdentity } from './security/identity.ts';
export { keysFromPassword, keysFromSecret, type RoomKeyOptions, type RoomKeys } from './security/keys.ts';
export { type DescriptionSeal, RoomSeal, type SealContext } from './security/seal.ts';
export { createSecretLink, formatSecretLink, parseSecretLink, type SecretLink } from './security/secret-link.ts';
