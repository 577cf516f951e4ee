/**
 * Alerts (RFC 5246 §7.2): two bytes, a level and a description.
 *
 *     struct {
 *         AlertLevel level;               // warning(1), fatal(2)
 *         AlertDescription description;
 *     } Alert;
 */

/** Alert descriptions by their RFC names (RFC 5246 §7.2.2, RFC 6066 §9, RFC 8446 §6, RFC 7301 §3.2, RFC 7507 §2). */
export const ALERT_CODES = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  record_overflow: 22,
  decompression_failure: 30,
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
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  unknown_psk_identity: 115,
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

const WARNING = 1;
const FATAL = 2;

export function encodeAlert(level: AlertLevel, description: AlertDescription): Uint8Array {
  return Uint8Array.of(level === 'fatal' ? FATAL : WARNING, ALERT_CODES[description]);
}

/**
 * Reads one alert; else the alert that answers what is none. RFC 5246 §6.2.1 lets TLS split an alert over records, but
 * a datagram may be lost, so in DTLS it stands in one (RFC 6347 §4.1.1).
 */
export function decodeAlert(content: Uint8Array): Alert | 'decode_error' | 'illegal_parameter' {
  if (content.length !== 2) return 'decode_error';
  const level = content[0] === WARNING ? 'warning' : content[0] === FATAL ? 'fatal' : null;
  if (level === null) return 'illegal_parameter';
  return { level, description: ALERT_NAMES.get(content[1]!) ?? content[1]! };
}
