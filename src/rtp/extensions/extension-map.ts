/** Which number stands for which header extension on a transport: what `a=extmap` agreed on (RFC 8285 §5). */
import {
  MAX_ONE_BYTE_ID,
  MAX_ONE_BYTE_LENGTH,
  MAX_TWO_BYTE_ID,
  MAX_TWO_BYTE_LENGTH,
  type RtpHeaderWriter,
  type RtpPacket,
} from '../packet.ts';
import type { HeaderExtension } from './header-extension.ts';

export type ExtensionMapEntry = { readonly id: number; readonly uri: string };

export class ExtensionMap {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #uris: ReadonlyMap<number, string>;
  readonly #allowMixed: boolean;
  /** Whether some id is out of reach for the one-byte form, so that every packet takes the other. */
  readonly needsTwoByte: boolean;

  /**
   * @param entries what was negotiated; an id or URI that comes again is ignored (RFC 8285 §5: each only once)
   * @param allowMixed whether `a=extmap-allow-mixed` was agreed on: each packet then takes the form it needs (§4.1.2)
   * @throws RangeError for an id outside 1 … 255
   */
  constructor(entries: Iterable<ExtensionMapEntry>, allowMixed = false) {
    const ids = new Map<string, number>();
    const uris = new Map<number, string>();
    for (const { id, uri } of entries) {
      if (!Number.isInteger(id) || id < 1 || id > MAX_TWO_BYTE_ID) {
        throw new RangeError(`ids of header extensions are 1 to 255, not ${id}`);
      }
      if (ids.has(uri) || uris.has(id)) continue;
      ids.set(uri, id);
      uris.set(id, uri);
    }
    this.#ids = ids;
    this.#uris = uris;
    this.#allowMixed = allowMixed;
    this.needsTwoByte = [...uris.keys()].some((id) => id > MAX_ONE_BYTE_ID);
  }

  /** The id of an extension; 0 when it was not negotiated. */
  id(extension: { readonly uri: string }): number {
    return this.#ids.get(extension.uri) ?? 0;
  }

  uri(id: number): string | undefined {
    return this.#uris.get(id);
  }

  /** What a packet says; `null` when it does not carry this extension or a malformed one. */
  read<Value>(packet: RtpPacket, extension: HeaderExtension<Value>): Value | null {
    const id = this.id(extension);
    const at = id === 0 ? -1 : packet.findExtension(id);
    return at < 0 ? null : extension.read(packet.bytes, at, at + packet.extensionLength(at));
  }

  /** Whether a packet with an element of this length must take the two-byte form; `needsTwoByte` if it may not. */
  formFor(length: number): boolean {
    return this.needsTwoByte || (this.#allowMixed && (length === 0 || length > MAX_ONE_BYTE_LENGTH));
  }

  /** Whether a value of this length can be sent at all: negotiated, and short enough for a form that may be used. */
  canSend(extension: { readonly uri: string }, length: number): boolean {
    if (!this.#ids.has(extension.uri)) return false;
    return this.formFor(length) ? length <= MAX_TWO_BYTE_LENGTH : length >= 1 && length <= MAX_ONE_BYTE_LENGTH;
  }

  /** Adds an element to a header being written in the form that `formFor` told; false where it was not negotiated. */
  write<Value>(writer: RtpHeaderWriter, extension: HeaderExtension<Value>, value: Value): boolean {
    const id = this.id(extension);
    if (id === 0) return false;
    const at = writer.extension(id, extension.length(value));
    extension.write(value, writer.bytes, at);
    return true;
  }
}
