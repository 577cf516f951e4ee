/**
 * Payload types and header extension ids for our offers. A number means one thing in a whole session: sections that
 * share a transport share the numbers (RFC 9143 §9.1, RFC 8285 §5), and what a number meant it goes on to mean
 * (RFC 3264 §8.3.2). So what was said before comes first, then Chromium's habit, then what is free.
 */
import { type CodecFormat, preferredExtensionId } from '../rtp/codecs.ts';
import { associatedPayloadType, codecIdentity } from './codec-matching.ts';
import type { MediaSection } from './description.ts';
import type { NegotiationState } from './model.ts';
import type { Codec } from './rtp-description.ts';

/** Dynamic payload types in the order they are given: 64 to 95 would look like RTCP (RFC 5761 §4). */
const DYNAMIC_PAYLOAD_TYPES: readonly number[] = [...range(96, 127), ...range(35, 63)];
/** One-byte ids, then what only the two-byte form has; 15 has a meaning of its own (RFC 8285 §4.2). */
const EXTENSION_IDS: readonly number[] = [...range(1, 14), ...range(16, 255)];

function* range(first: number, last: number): Iterable<number> {
  for (let number = first; number <= last; number++) yield number;
}

/** Whose numbers count, those of the newest description first. */
function sectionsBefore(state: NegotiationState): readonly MediaSection[] {
  const { pendingLocal, currentLocal, currentRemote } = state;
  return [pendingLocal, currentLocal, currentRemote].flatMap((description) => description?.media ?? []);
}

export class PayloadTypes {
  readonly #byIdentity = new Map<string, number[]>();
  readonly #meanings = new Map<number, string>();

  constructor(state: NegotiationState) {
    for (const section of sectionsBefore(state)) for (const codec of section.rtp?.codecs ?? []) this.#note(codec);
  }

  /** A number for a format, one of those not `taken` in its section; `null` when there is none left. */
  assign(format: CodecFormat, preferred: number | null, taken: ReadonlySet<number>): number | null {
    const identity = identityOf(format);
    const known = this.#byIdentity.get(identity)?.find((payloadType) => !taken.has(payloadType));
    if (known !== undefined) return known;
    const candidates = preferred === null ? DYNAMIC_PAYLOAD_TYPES : [preferred, ...DYNAMIC_PAYLOAD_TYPES];
    const payloadType = candidates.find((candidate) => !this.#meanings.has(candidate));
    if (payloadType === undefined) return null;
    this.#note({ ...format, payloadType });
    return payloadType;
  }

  /** The newest meaning counts: a section that we turned down may have had another. */
  #note(codec: CodecFormat & Pick<Codec, 'payloadType'>): void {
    if (this.#meanings.has(codec.payloadType)) return;
    const identity = identityOf(codec);
    this.#meanings.set(codec.payloadType, identity);
    this.#byIdentity.set(identity, [...(this.#byIdentity.get(identity) ?? []), codec.payloadType]);
  }
}

/** Formats that belong to another are told apart by which. */
function identityOf(format: CodecFormat): string {
  return `${codecIdentity(format)} ${associatedPayloadType(format) ?? ''}`;
}

export class ExtensionIds {
  readonly #byUri = new Map<string, number>();
  readonly #used = new Set<number>();

  constructor(state: NegotiationState) {
    for (const section of sectionsBefore(state)) {
      for (const { uri, id } of section.rtp?.extensions ?? []) {
        if (id > 255) continue; // it was offered to be numbered, and is not in use (RFC 8285 §7)
        if (!this.#byUri.has(uri) && !this.#used.has(id)) this.#byUri.set(uri, id);
        this.#used.add(id);
      }
    }
  }

  /** `null` when there is none left. */
  assign(uri: string): number | null {
    const preferred = preferredExtensionId(uri);
    const candidates = preferred === null ? EXTENSION_IDS : [preferred, ...EXTENSION_IDS];
    const id = this.#byUri.get(uri) ?? candidates.find((candidate) => !this.#used.has(candidate));
    if (id === undefined) return null;
    this.#byUri.set(uri, id);
    this.#used.add(id);
    return id;
  }
}
