/**
 * The parameter sets of an H.264 or H.265 stream. Some senders send them once, or in a packet of their own with another
 * timestamp, or in the session description alone (RTSP cameras, hardware encoders). A decoder that starts at a key
 * frame needs them in it, and so does a file.
 */
import { BitReader } from '../../binary/bit-reader.ts';
import { type FormatParameters, formatParameter } from '../codecs.ts';
import { findNalUnits, joinNalUnits, splitNalUnits, unescapeNalUnit } from './annex-b.ts';
import { H264_NAL } from './h264.ts';
import { H265_NAL } from './h265.ts';
import { parseH265Sps } from './h265-sps.ts';
import type { EncodedFrame } from './types.ts';

/** Bound: how many a peer makes us keep; the one not sent for longest goes. Encoders have two or three. */
const MAX_PARAMETER_SETS = 32;
/** Bound: longer ones are not kept. The longest in use, with scaling matrices and VUI, have a few hundred bytes. */
const MAX_PARAMETER_SET_LENGTH = 4096;

/** Their kinds in the order in which they need each other. */
const KINDS = { H264: [H264_NAL.sps, H264_NAL.pps], H265: [H265_NAL.vps, H265_NAL.sps, H265_NAL.pps] } as const;
const DELIMITER = { H264: H264_NAL.accessUnitDelimiter, H265: H265_NAL.accessUnitDelimiter } as const;

/** One per stream: two streams may use one id for different things. */
export class ParameterSets {
  readonly #codec: 'H264' | 'H265';
  /** By kind and id, the one sent last at the end. */
  readonly #sets = new Map<number, Uint8Array>();

  /** @param parameters of the peer's `a=fmtp`; the `sprop-…` ones are taken (RFC 6184 §8.1, RFC 7798 §7.1) */
  constructor(codec: 'H264' | 'H265', parameters: FormatParameters = new Map()) {
    this.#codec = codec;
    for (const name of ['sprop-parameter-sets', 'sprop-vps', 'sprop-sps', 'sprop-pps']) {
      for (const text of (formatParameter({ parameters }, name) ?? '').split(',')) this.#remember(fromBase64(text));
    }
  }

  /** How many are kept. */
  get size(): number {
    return this.#sets.size;
  }

  /**
   * Keeps the parameter sets of a frame, and puts those that a key frame lacks in front of it. `null` for a frame of
   * nothing else: they go into the next key frame.
   */
  complete(frame: EncodedFrame): EncodedFrame | null {
    const { data } = frame;
    const ranges = findNalUnits(data) ?? [];
    const found = new Set<number>();
    let hasPicture = false;
    for (let i = 0; i < ranges.length; i += 2) {
      const type = this.#typeOf(data[ranges[i]!]!);
      if (this.#isParameterSet(type)) {
        found.add(type);
        this.#remember(data.subarray(ranges[i]!, ranges[i + 1]!));
      } else if (type !== DELIMITER[this.#codec]) {
        hasPicture = true;
      }
    }
    if (!hasPicture) return found.size > 0 ? null : frame;
    if (!frame.isKeyFrame || KINDS[this.#codec].every((kind) => found.has(kind))) return frame;
    return { ...frame, data: this.#rebuild(splitNalUnits(data)) };
  }

  /** A picture's NAL units behind all parameter sets, those of its own among them, behind its delimiter. */
  #rebuild(units: readonly Uint8Array[]): Uint8Array {
    const delimiters = units.filter((unit) => this.#typeOf(unit[0]!) === DELIMITER[this.#codec]);
    const rest = units.filter((unit) => {
      const type = this.#typeOf(unit[0]!);
      return type !== DELIMITER[this.#codec] && !this.#isParameterSet(type);
    });
    const kept = [...this.#sets.values()];
    const sets = KINDS[this.#codec].flatMap((kind) => kept.filter((unit) => this.#typeOf(unit[0]!) === kind));
    return joinNalUnits([...delimiters, ...sets, ...rest]);
  }

  #remember(unit: Uint8Array): void {
    if (unit.length > MAX_PARAMETER_SET_LENGTH || unit.length < 3) return;
    const type = this.#typeOf(unit[0]!);
    if (!this.#isParameterSet(type)) return;
    const id = this.#idOf(unit, type);
    if (id === null) return;
    const key = type * 256 + id;
    this.#sets.delete(key);
    this.#sets.set(key, unit.slice());
    if (this.#sets.size > MAX_PARAMETER_SETS) this.#sets.delete(this.#sets.keys().next().value!);
  }

  #idOf(unit: Uint8Array, type: number): number | null {
    if (type === H265_NAL.sps && this.#codec === 'H265') return parseH265Sps(unit)?.id ?? null;
    const headerLength = this.#codec === 'H264' ? 1 : 2;
    const reader = new BitReader(unescapeNalUnit(unit.subarray(headerLength, headerLength + 16)));
    if (type === H264_NAL.sps && this.#codec === 'H264') reader.skip(24); // profile, constraints, level
    const id = type === H265_NAL.vps && this.#codec === 'H265' ? reader.u(4) : reader.ue();
    return reader.ok && id < 256 ? id : null;
  }

  #typeOf(header: number): number {
    return this.#codec === 'H264' ? header & 0x1f : (header >> 1) & 0x3f;
  }

  #isParameterSet(type: number): boolean {
    return (KINDS[this.#codec] as readonly number[]).includes(type);
  }
}

/** Nothing for what is not base64: it came from the network. */
function fromBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]{4,8192}={0,2}$/.test(text)) return new Uint8Array(0);
  const padded = text.replace(/=+$/, '');
  if (padded.length % 4 === 1) return new Uint8Array(0);
  return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
}
