/**
 * A WebSocket client that costs as little as one can: it masks with zeros, patches ids into messages made beforehand, and
 * looks into what it gets no further than to see what it is. A tracker should be waiting for it and not the other way round.
 */
import { Buffer } from 'node:buffer';
import { connect } from 'node:net';

const HANDSHAKE = [
  'GET /announce HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Version: 13',
  '\r\n',
].join('\r\n');
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const PING_OPCODE = 9;
const ID_LENGTH = 20;
const SDP = `v=0\\r\\n${'a=candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host\\r\\n'.repeat(13)}`; // 780 bytes of JSON
/** A response has no session description, everything else has one. */
const LONGEST_RESPONSE = 400;
const FAILURE = Buffer.from('failure reason');
const ANSWER = Buffer.from('"answer":');
const PEER_ID = Buffer.from('"peer_id":"');
const OFFER_ID = Buffer.from('"offer_id":"');

export class LeanClient {
  frames = 0;
  /** Announces that were responded to, and whose offers were answered. */
  rounds = 0;
  failures = 0;
  #socket;
  #id;
  #rest = null;
  #isOpen = false;
  #opened;
  #announce;
  #offerAt;
  #answer;
  #answerTo;
  #answerOffer;
  #counter = 0;
  #offersEach = 0;
  #missing = 0;
  #onRound = null;
  /** What is to be sent when all that has come in is looked at: one write, not one for each message. */
  #unsent = [];

  /** @param room 20 letters @param id 20 letters */
  constructor(port, room, id) {
    this.#id = id;
    const answer = `{"action":"announce","info_hash":"${room}","peer_id":"${id}","to_peer_id":"${'t'.repeat(ID_LENGTH)}","offer_id":"${'o'.repeat(ID_LENGTH)}","answer":{"type":"answer","sdp":"${SDP}"}}`;
    this.#answer = frame(answer);
    this.#answerTo = this.#answer.indexOf('t'.repeat(ID_LENGTH));
    this.#answerOffer = this.#answer.indexOf('o'.repeat(ID_LENGTH));
    this.#prepare(room, 0);
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.write(HANDSHAKE);
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => this.failures++);
    this.room = room;
  }

  /** Joins its room; resolves when the tracker has responded. */
  join() {
    return new Promise((resolve, reject) => {
      this.#onRound = () => {
        this.#onRound = null;
        resolve();
      };
      this.#socket.once('close', () => reject(new Error('closed by the tracker')));
      const send = () => {
        this.#sendAnnounce();
        this.#flush();
      };
      if (this.#isOpen) send();
      else this.#opened = send;
    });
  }

  /** Announces with so many offers, again as soon as all is done that came of it, until `stop`. */
  start(offers) {
    this.#prepare(this.room, offers);
    this.#onRound = () => this.#sendAnnounce();
    this.#sendAnnounce();
    this.#flush();
  }

  stop() {
    this.#onRound = null;
  }

  close() {
    this.#socket.destroy();
  }

  #prepare(room, offers) {
    const ids = Array.from({ length: offers }, (_, i) => `${this.#id.slice(0, 10)}${i}xxxxxxxxx`);
    const listed = ids.map((id) => `{"offer":{"type":"offer","sdp":"${SDP}"},"offer_id":"${id}"}`).join();
    const text = `{"action":"announce","info_hash":"${room}","peer_id":"${this.#id}","numwant":${offers},"uploaded":0,"downloaded":0,"left":1,"offers":[${listed}]}`;
    this.#announce = frame(text);
    this.#offerAt = ids.map((id) => this.#announce.indexOf(id) + ID_LENGTH - 9);
    this.#offersEach = offers;
  }

  #sendAnnounce() {
    const number = String(this.#counter++ % 1e9).padStart(9, '0');
    const announce = this.#offerAt.length === 0 ? this.#announce : Buffer.from(this.#announce);
    for (const offset of this.#offerAt) announce.latin1Write(number, offset);
    this.#missing = 1 + this.#offersEach;
    this.#unsent.push(announce);
  }

  #flush() {
    if (this.#unsent.length === 0) return;
    this.#socket.write(this.#unsent.length === 1 ? this.#unsent[0] : Buffer.concat(this.#unsent));
    this.#unsent = [];
  }

  #take(chunk) {
    let bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = null;
    if (!this.#isOpen) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#rest = bytes;
        return;
      }
      if (!bytes.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
        this.#socket.destroy();
        return;
      }
      this.#isOpen = true;
      bytes = bytes.subarray(end + 4);
      this.#opened?.();
    }
    let offset = 0;
    for (;;) {
      if (bytes.length - offset < 4) break;
      let length = bytes[offset + 1];
      let start = offset + 2;
      if (length === 126) {
        length = bytes.readUInt16BE(start);
        start += 2;
      } else if (length === 127) throw new Error('a frame of more than 64 KiB');
      if (start + length > bytes.length) break;
      this.#message(bytes, bytes[offset] & 15, start, start + length);
      offset = start + length;
    }
    if (offset < bytes.length) this.#rest = bytes.subarray(offset);
    this.#flush();
  }

  #message(bytes, opcode, start, end) {
    if (opcode === PING_OPCODE) {
      this.#unsent.push(PONG);
      return;
    }
    this.frames++;
    if (end - start <= LONGEST_RESPONSE) {
      if (contains(bytes, FAILURE, start, end)) this.failures++;
      this.#done();
      return;
    }
    if (contains(bytes, ANSWER, start, end)) {
      this.#done();
      return;
    }
    const from = bytes.indexOf(PEER_ID, start) + PEER_ID.length;
    const offer = bytes.indexOf(OFFER_ID, start) + OFFER_ID.length;
    const answer = Buffer.from(this.#answer);
    bytes.copy(answer, this.#answerTo, from, from + ID_LENGTH);
    bytes.copy(answer, this.#answerOffer, offer, offer + ID_LENGTH);
    this.#unsent.push(answer);
  }

  #done() {
    if (--this.#missing > 0) return;
    this.rounds++;
    this.#onRound?.();
  }
}

function contains(bytes, part, start, end) {
  const at = bytes.indexOf(part, start);
  return at >= 0 && at < end;
}

/** One text frame, masked with zeros, which changes nothing (RFC 6455 §5.3). */
function frame(text) {
  const payload = Buffer.from(text);
  if (payload.length < 126) return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
  const head = Buffer.from([0x81, 0xfe, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}
