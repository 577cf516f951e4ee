/**
 * Everything that an ICE restart throws away (RFC 8445 §9): both sides' credentials, the peer's candidates, the checklist
 * and how far nomination got. Sockets, servers and the role outlive it.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import { type RandomSource, randomBytes } from '../machine.ts';
import { type IntegrityKeys, shortTermKeys } from '../stun/index.ts';
import { formatSocketAddress, type SocketAddress } from './address.ts';
import type { KeyedFragment } from './binding.ts';
import { isPassword, isUsernameFragment } from './candidate.ts';
import { Checklist } from './checklist.ts';
import type { Pair } from './pair.ts';
import { RemoteCandidates } from './remote-candidates.ts';
import type { IceCredentials } from './types.ts';

/** RFC 8445 §5.3 wants 24 bits for the fragment and 128 for the password; 4 and 24 ice-chars give 24 and 144, as browsers do. */
const FRAGMENT_LENGTH = 4;
const PASSWORD_LENGTH = 24;
const ICE_CHARS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'; // 64, so 6 bits each

/** Bound: who knows our password can send early checks from many ports; a peer's own sockets are fewer. The oldest goes. */
const MAX_EARLY_CHECKS = 32;

/** What an authentic request says that outlives its answer. */
export type PeerCheck = {
  readonly socketId: number;
  readonly remote: SocketAddress;
  readonly remoteFragment: string;
  readonly priority: number;
  readonly useCandidate: boolean;
};

export class Generation implements KeyedFragment {
  readonly local: IceCredentials;
  /** Keyed with our password: proves the peer's requests and our answers. */
  readonly keys: IntegrityKeys;
  readonly checklist: Checklist = new Checklist();
  readonly remoteCandidates: RemoteCandidates = new RemoteCandidates();
  remote: IceCredentials | null = null;
  /** Keyed with the peer's password: proves our requests and its answers. */
  remoteKeys: IntegrityKeys | null = null;
  endOfRemoteCandidates: boolean = false;
  /** The pair that concluded ICE (RFC 8445 §8.1). */
  nominated: Pair | null = null;
  /** When the first check succeeded. */
  firstValidAt: number = Infinity;
  /** RFC 8863: when failure may first be declared. */
  pacExpiresAt: number = Infinity;
  /** Requests that came before the peer's credentials, by path; a repetition takes the place of the first. */
  readonly #earlyChecks = new Map<string, PeerCheck>();

  constructor(local: IceCredentials, crypto: CryptoProvider) {
    this.local = local;
    this.keys = shortTermKeys(crypto, local.password);
  }

  get usernameFragment(): string {
    return this.local.usernameFragment;
  }

  /** The USERNAME of our requests (RFC 8445 §7.2.2). */
  get checkUsername(): string {
    return `${this.remote?.usernameFragment}:${this.local.usernameFragment}`;
  }

  setRemote(remote: IceCredentials, crypto: CryptoProvider): void {
    this.remote = remote;
    this.remoteKeys = shortTermKeys(crypto, remote.password);
  }

  rememberEarlyCheck(check: PeerCheck): void {
    const key = `${check.socketId} ${formatSocketAddress(check.remote)}`;
    const useCandidate = check.useCandidate || (this.#earlyChecks.get(key)?.useCandidate ?? false);
    this.#earlyChecks.delete(key);
    this.#earlyChecks.set(key, { ...check, useCandidate });
    if (this.#earlyChecks.size <= MAX_EARLY_CHECKS) return;
    for (const oldest of this.#earlyChecks.keys()) {
      this.#earlyChecks.delete(oldest);
      break;
    }
  }

  /** The early checks of the peer whose fragment we now know; the rest is forgotten. */
  takeEarlyChecks(): PeerCheck[] {
    const checks = [...this.#earlyChecks.values()];
    this.#earlyChecks.clear();
    return checks.filter(({ remoteFragment }) => remoteFragment === this.remote?.usernameFragment);
  }
}

export function newCredentials(random: RandomSource): IceCredentials {
  const text = (length: number): string =>
    Array.from(randomBytes(random, length), (byte) => ICE_CHARS[byte & 63]).join('');
  return { usernameFragment: text(FRAGMENT_LENGTH), password: text(PASSWORD_LENGTH) };
}

/** Throws `TypeError` for what RFC 8839 §5.4 does not allow. */
export function checkCredentials({ usernameFragment, password }: IceCredentials): void {
  if (!isUsernameFragment(usernameFragment)) throw new TypeError('a username fragment is 4 to 256 ice-chars');
  if (!isPassword(password)) throw new TypeError('an ICE password is 22 to 256 ice-chars');
}
