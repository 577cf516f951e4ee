/** What lies on the wire: records and messages in the clear, taken apart and put together again. */
import { concatBytes } from '../../src/binary/bytes.ts';
import {
  decodeFragment,
  HANDSHAKE_HEADER_LENGTH,
  type HandshakeMessage,
  writeFragment,
} from '../../src/dtls/handshake-message.ts';
import {
  CONTENT_TYPE,
  RECORD_HEADER_LENGTH,
  recordEnd,
  recordEpoch,
  recordSequenceNumber,
  recordType,
  recordVersion,
  writeRecordHeader,
} from '../../src/dtls/record.ts';

export type WireRecord = {
  readonly type: number;
  readonly version: number;
  readonly epoch: number;
  readonly sequenceNumber: number;
  readonly content: Uint8Array;
};

export function recordsOf(datagram: Uint8Array): WireRecord[] {
  const records: WireRecord[] = [];
  for (let start = 0; start < datagram.length; ) {
    const end = recordEnd(datagram, start);
    if (end < 0) throw new Error('a datagram that does not consist of records');
    records.push({
      type: recordType(datagram, start),
      version: recordVersion(datagram, start),
      epoch: recordEpoch(datagram, start),
      sequenceNumber: recordSequenceNumber(datagram, start),
      content: datagram.slice(start + RECORD_HEADER_LENGTH, end),
    });
    start = end;
  }
  return records;
}

export function encodeRecord({ type, version, epoch, sequenceNumber, content }: WireRecord): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER_LENGTH + content.length);
  writeRecordHeader(record, 0, type, version, epoch, sequenceNumber, content.length);
  record.set(content, RECORD_HEADER_LENGTH);
  return record;
}

/** A record in the clear. */
export function plainRecord(type: number, content: Uint8Array, sequenceNumber = 1000, version = 0xfefd): Uint8Array {
  return encodeRecord({ type, version, epoch: 0, sequenceNumber, content });
}

/** A piece of a message as a handshake record carries it. */
export function fragmentOf(message: HandshakeMessage, offset = 0, length: number = message.body.length): Uint8Array {
  const content = new Uint8Array(HANDSHAKE_HEADER_LENGTH + length);
  writeFragment(content, 0, message, offset, length);
  return content;
}

export function handshakeRecord(message: HandshakeMessage, sequenceNumber?: number): Uint8Array {
  return plainRecord(CONTENT_TYPE.handshake, fragmentOf(message), sequenceNumber);
}

/** The whole messages in the clear in a datagram; for peers whose MTU leaves them in one piece. */
export function messagesOf(datagram: Uint8Array): HandshakeMessage[] {
  const messages: HandshakeMessage[] = [];
  for (const { type, epoch, content } of recordsOf(datagram)) {
    if (type !== CONTENT_TYPE.handshake || epoch !== 0) continue;
    const fragment = decodeFragment(content, 0);
    if (fragment === null || fragment.length !== fragment.content.length) throw new Error('not a whole message');
    messages.push({ type: fragment.type, messageSeq: fragment.messageSeq, body: fragment.content });
  }
  return messages;
}

/** The alerts in the clear in these datagrams, as [level, description]. */
export function alertsOf(datagrams: readonly Uint8Array[]): (readonly [number, number])[] {
  return datagrams
    .flatMap(recordsOf)
    .filter(({ type, epoch }) => type === CONTENT_TYPE.alert && epoch === 0)
    .map(({ content }) => [content[0]!, content[1]!] as const);
}

/** The datagram with each message in the clear replaced by what `change` makes of it; `null` takes it out. */
export function rewrite(
  datagram: Uint8Array,
  change: (message: HandshakeMessage) => HandshakeMessage | null,
): Uint8Array {
  const records: Uint8Array[] = [];
  for (const record of recordsOf(datagram)) {
    if (record.type !== CONTENT_TYPE.handshake || record.epoch !== 0) {
      records.push(encodeRecord(record));
      continue;
    }
    const [message] = messagesOf(encodeRecord(record));
    const changed = change(message!);
    if (changed !== null) records.push(encodeRecord({ ...record, content: fragmentOf(changed) }));
  }
  return concatBytes(...records);
}
