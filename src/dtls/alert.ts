/**
 * Alerts (RFC 5246 §7.2): two bytes, a level and a description.
 *
 *     struct {
 *         AlertLevel level;               // warning(1), fatal(2)
 *         AlertDescription description;
 *     } Alert;
 */

/** Alert descriptions by their RFC names (RFC 5246 §7.2.2, RFC 8446 §6, RFC 7301 §3.2, RFC 7507 §2). */
export const ALERT_CODES = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  record_overflow: 22,
  handshake_failure: 40,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  missing_extension: 109,
  unsupported_extension: 110,
  certificate_required: 116,
  no_application_protocol: 120,
} as const;

export type AlertDescription = keyof typeof ALERT_CODES;

export type AlertLevel = 'warning' | 'fatal';

/** `description` is a number where the code has no name here. */
export type Alert = { readonly level: AlertLevel; readonly description: AlertDescription | number };

const ALERT_NAMES: ReadonlyMap<number, AlertDescription> = new Map(
  Object.entries(ALERT_CODES).map(([name, code]) => [code, name as AlertDescription]),
);

export const ALERT_LENGTH = 2;

export function encodeAlert(level: AlertLevel, description: AlertDescription): Uint8Array {
  return Uint8Array.of(level === 'fatal' ? 2 : 1, ALERT_CODES[description]);
}

/** `null` for anything but exactly one well-formed alert: DTLS never splits one (RFC 6347 §4.1.1 forbids fragments). */
export function decodeAlert(content: Uint8Array): Alert | null {
  if (content.length !== ALERT_LENGTH) return null;
  const level = content[0] === 1 ? 'warning' : content[0] === 2 ? 'fatal' : null;
  if (level === null) return null;
  return { level, description: ALERT_NAMES.get(content[1]!) ?? content[1]! };
}
