/**
 * The SDES items that travel as header extensions (RFC 7941): MID (RFC 9143 §15.2), RtpStreamId and
 * RepairedRtpStreamId (RFC 8852 §3).
 */
import { MID_URI, REPAIRED_RID_URI, RID_URI } from '../codecs.ts';
import type { HeaderExtension } from './header-extension.ts';

/** Text longer than this does not fit the two-byte form, nor an SDES item (RFC 3550 §6.5). */
export const MAX_SDES_TEXT_LENGTH = 255;

/** A `token` of SDP (RFC 9143 §15.2): visible ASCII without separators. */
const MID_SYNTAX = /^[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+$/;
/** RFC 8852 §3 has letters and digits alone; RFC 8851 §10's `rid-id`, from which the value comes, also `-` and `_`. */
const RID_SYNTAX = /^[0-9A-Za-z_-]+$/;

export const midExtension: HeaderExtension<string> = textExtension(MID_URI, MID_SYNTAX);
export const ridExtension: HeaderExtension<string> = textExtension(RID_URI, RID_SYNTAX);
/** On a stream of repair: the RID of the stream that it repairs. */
export const repairedRidExtension: HeaderExtension<string> = textExtension(REPAIRED_RID_URI, RID_SYNTAX);

function textExtension(uri: string, syntax: RegExp): HeaderExtension<string> {
  return {
    uri,
    length(value) {
      if (!syntax.test(value) || value.length > MAX_SDES_TEXT_LENGTH) {
        throw new TypeError(`"${value}" cannot be sent as ${uri}: expected ${syntax.source}, at most 255 characters`);
      }
      return value.length;
    },
    write(value, bytes, at) {
      for (let i = 0; i < value.length; i++) bytes[at + i] = value.charCodeAt(i);
    },
    read(bytes, start, end) {
      let text = '';
      for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
      return syntax.test(text) ? text : null;
    },
  };
}
