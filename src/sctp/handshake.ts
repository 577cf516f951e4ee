/**
 * The four-way handshake (RFC 9260 §5). Both sides of a data-channel transport begin it, so the normal case here is the
 * collision of §5.2.1: two INITs cross, both are answered, and two cookies make one association.
 *
 * ```
 *   closed ──connect: INIT──▶ cookieWait ──INIT ACK: COOKIE ECHO──▶ cookieEchoed ──COOKIE ACK──▶ established
 *      └───────────────── COOKIE ECHO: COOKIE ACK (from any of them) ─────────────────────────────▲
 * ```
 */
import { randomUint32 } from '../machine.ts';
import { CookieJar, cookieAction, type Ticket } from './cookie.ts';
import { CHUNK_HEADER, FLAG_TAG_REFLECTED } from './packet/chunk.ts';
import { encodeCookieAck, encodeCookieEcho, encodeShutdownAck } from './packet/control-chunks.ts';
import {
  CAUSE,
  encodeAbortChunk,
  encodeCause,
  encodeErrorChunk,
  encodeMissingParameterCause,
  encodeStaleCookieCause,
} from './packet/error-cause.ts';
import { decodeInit, encodeInit, type InitParameters } from './packet/init-chunk.ts';
import type { Tcb } from './tcb.ts';
import { TIMER } from './timers.ts';
import { MAX_STALE_COOKIES } from './timing.ts';

/** RFC 9260 §3.3.3.1.1. */
const STATE_COOKIE_PARAMETER = 7;

export class Handshake {
  readonly #tcb: Tcb;
  readonly #cookies: CookieJar;
  /** Sendings of the INIT or COOKIE ECHO that is unanswered. */
  #attempts = 0;
  /** When it was last sent. */
  #sentAt = 0;
  #staleCookies = 0;
  /** The COOKIE ECHO, and perhaps an ERROR for its packet; while `cookieEchoed`. */
  #cookieEcho: readonly Uint8Array[] = [];

  constructor(tcb: Tcb) {
    this.#tcb = tcb;
    this.#cookies = new CookieJar(tcb.options.random);
  }

  connect(now: number): void {
    this.#tcb.state = 'cookieWait';
    this.#attempts = 0;
    this.#sendInit(now);
  }

  /** RFC 9260 §5.1, §5.2.1, §5.2.2. The packet holds nothing else, and its verification tag is 0. */
  handleInit(chunk: Uint8Array, now: number): void {
    const tcb = this.#tcb;
    const init = decodeInit(chunk);
    if ('problem' in init) {
      tcb.stats.dropped.malformed++;
      // "MUST discard the packet, SHOULD send … an ABORT chunk and using the Initiate Tag as the Verification Tag, and
      // MUST NOT change the state of any existing association." A tag of 0 is discarded silently (§3.3.2).
      if (init.problem === 'smallWindow' || init.problem === 'noStreams') {
        tcb.sendAlone(encodeAbortChunk([encodeCause(CAUSE.invalidMandatoryParameter)]), init.initiateTag);
      }
      return;
    }
    const { parameters: peer } = init;
    if (init.hostName !== null) {
      // §3.3.2: "The receiver … MUST send an ABORT chunk and MAY include an 'Unresolvable Address' error cause."
      tcb.sendAlone(encodeAbortChunk([encodeCause(CAUSE.unresolvableAddress, init.hostName)]), peer.initiateTag);
      return;
    }
    if (tcb.state === 'shutdownAckSent') {
      // §9.2: "SHOULD discard the INIT chunk and retransmit the SHUTDOWN ACK chunk."
      tcb.sendChunk(encodeShutdownAck());
      return;
    }
    const { cookie, ticket } = this.#ticketFor(peer, now);
    const answer = tcb.localParameters(ticket.localTag, ticket.localInitialTsn);
    tcb.sendAlone(encodeInit(answer, cookie, init.unrecognized), peer.initiateTag);
  }

  /** RFC 9260 §5.1 C. */
  handleInitAck(chunk: Uint8Array, now: number): void {
    const tcb = this.#tcb;
    if (tcb.state !== 'cookieWait') {
      tcb.stats.dropped.unexpected++; // §5.2.3
      return;
    }
    const init = decodeInit(chunk);
    if ('problem' in init) {
      tcb.stats.dropped.malformed++;
      const abort = encodeAbortChunk([encodeCause(CAUSE.invalidMandatoryParameter)]);
      switch (init.problem) {
        case 'malformed':
          return;
        case 'smallWindow':
          tcb.sendAlone(abort, init.initiateTag);
          return;
        case 'noStreams':
          tcb.sendAlone(abort, init.initiateTag);
          break;
        case 'zeroTag':
          // §3.3.3: "MUST destroy the TCB and SHOULD send an ABORT chunk with the T bit set."
          tcb.sendAlone(encodeAbortChunk([], FLAG_TAG_REFLECTED), tcb.localTag);
          break;
        default:
          init.problem satisfies never;
      }
      tcb.close('failed', 'the INIT ACK of the peer is not valid');
      return;
    }
    const { parameters: peer, cookie } = init;
    let refusal: Uint8Array | null = null;
    if (init.hostName !== null) refusal = encodeCause(CAUSE.unresolvableAddress, init.hostName);
    else if (cookie === null) refusal = encodeMissingParameterCause(STATE_COOKIE_PARAMETER);
    else if (CHUNK_HEADER.size + cookie.length > tcb.writer.capacity) refusal = encodeCause(CAUSE.outOfResource);
    if (refusal !== null || cookie === null) {
      tcb.sendAlone(encodeAbortChunk(refusal === null ? [] : [refusal]), peer.initiateTag);
      tcb.close('failed', 'the INIT ACK of the peer cannot be answered');
      return;
    }
    this.#cookieEcho = [encodeCookieEcho(cookie)];
    if (init.unrecognized.length > 0) {
      // §3.2.2: "it SHOULD bundle the ERROR chunk containing the 'Unrecognized Parameters' error cause with … COOKIE ECHO"
      const causes = init.unrecognized.map((parameter) => encodeCause(CAUSE.unrecognizedParameters, parameter));
      this.#cookieEcho = [...this.#cookieEcho, encodeErrorChunk(causes)];
    }
    tcb.timers.clear(TIMER.t1Init);
    this.#measureRoundTrip(now);
    tcb.setPeer(peer);
    tcb.state = 'cookieEchoed';
    this.#attempts = 0;
    this.#sendCookieEcho(now);
  }

  /**
   * RFC 9260 §5.1.5, §5.2.4.
   * @param packetTag the verification tag of the packet
   * @returns false when the rest of the packet is to be discarded with it
   */
  handleCookieEcho(chunk: Uint8Array, packetTag: number, now: number): boolean {
    const tcb = this.#tcb;
    const redeemed = this.#cookies.redeem(chunk.subarray(CHUNK_HEADER.size), now);
    if (redeemed === null || redeemed.ticket.localTag !== packetTag) {
      tcb.stats.dropped.cookie++;
      return false;
    }
    const { ticket, isStale } = redeemed;
    const peerTag = tcb.peer?.tag ?? 0;
    const isEstablished = tcb.state !== 'closed' && tcb.state !== 'cookieWait' && tcb.state !== 'cookieEchoed';
    const action = tcb.state === 'closed' ? 'new' : cookieAction(ticket, tcb.localTag, peerTag);
    if (isStale && action !== 'duplicate') {
      tcb.stats.dropped.cookie++;
      tcb.sendAlone(encodeErrorChunk([encodeStaleCookieCause()]), ticket.peer.initiateTag);
      return false;
    }
    switch (action) {
      case 'new':
        this.#adopt(ticket, now);
        tcb.establish(now);
        break;
      case 'restart':
        if (tcb.state === 'shutdownAckSent') {
          tcb.sendChunk(encodeShutdownAck());
          tcb.sendChunk(encodeErrorChunk([encodeCause(CAUSE.cookieReceivedWhileShuttingDown)]));
          return false;
        }
        tcb.restart(ticket.localTag, ticket.localInitialTsn);
        tcb.events.push({ kind: 'restarted' });
        tcb.setPeer(ticket.peer);
        tcb.establish(now);
        break;
      case 'collision':
        // B: the peer has another tag than the one we know, if we know one.
        this.#adopt(ticket, now);
        if (!isEstablished) tcb.establish(now);
        break;
      case 'duplicate':
        // D: our own cookie is still out, or the COOKIE ACK was lost.
        if (tcb.state === 'cookieEchoed') tcb.establish(now);
        break;
      case 'late': // C
      case 'discard':
        tcb.stats.dropped.cookie++;
        return false;
      default:
        action satisfies never;
    }
    this.#cookieEcho = [];
    tcb.control.unshift(encodeCookieAck()); // §5.1: "the COOKIE ACK chunk MUST be the first chunk in the packet"
    return true;
  }

  handleCookieAck(now: number): void {
    const tcb = this.#tcb;
    if (tcb.state !== 'cookieEchoed') {
      tcb.stats.dropped.unexpected++; // §5.2.5
      return;
    }
    this.#cookieEcho = [];
    this.#measureRoundTrip(now);
    tcb.establish(now);
  }

  /** §5.2.6, the first alternative: "Send a new INIT chunk to the endpoint to generate a new State Cookie". */
  handleStaleCookie(now: number): void {
    const tcb = this.#tcb;
    if (tcb.state !== 'cookieEchoed') return;
    if (++this.#staleCookies > Math.min(tcb.options.timing.maxInitRetransmits, MAX_STALE_COOKIES)) {
      tcb.close('failed', 'the cookies of the peer are always stale');
      return;
    }
    tcb.timers.clear(TIMER.t1Cookie);
    tcb.sender.resendAll(now);
    tcb.peer = null;
    tcb.state = 'cookieWait';
    this.#attempts = 0;
    this.#sendInit(now);
  }

  /** T1-init ran out. */
  handleT1Init(now: number): void {
    if (this.#mayTryAgain('INIT')) this.#sendInit(now);
  }

  /** T1-cookie ran out. Data that went with the cookie goes again. */
  handleT1Cookie(now: number): void {
    if (!this.#mayTryAgain('COOKIE ECHO')) return;
    this.#tcb.sender.resendAll(now);
    this.#sendCookieEcho(now);
  }

  /** What is unanswered is sent again at once, with the back-off at its beginning. */
  handlePathChange(now: number): void {
    const { timers } = this.#tcb;
    this.#attempts = 1; // and the round trip is not measured: which of them is answered is not known
    timers.hasten(TIMER.t1Init, now);
    timers.hasten(TIMER.t1Cookie, now);
  }

  #mayTryAgain(what: string): boolean {
    const { maxInitRetransmits } = this.#tcb.options.timing;
    if (this.#attempts <= maxInitRetransmits) return true;
    this.#tcb.close('failed', `${what} was not answered, ${this.#attempts} times`);
    return false;
  }

  /** §8.3 counts INIT and COOKIE ECHO among the chunks that "can be used for updating path RTT", if sent once. */
  #measureRoundTrip(now: number): void {
    if (this.#attempts === 1) this.#tcb.rto.measured(now - this.#sentAt);
  }

  #sendInit(now: number): void {
    const tcb = this.#tcb;
    this.#attempts++;
    this.#sentAt = now;
    // §8.5.1 A: "The sender MUST set the Verification Tag of the packet to 0."
    tcb.sendAlone(encodeInit(tcb.localParameters(tcb.localTag, tcb.localInitialTsn)), 0);
    tcb.timers.set(TIMER.t1Init, now + this.#backedOffRto());
  }

  /** "The COOKIE ECHO chunk MAY be bundled with any pending outbound DATA chunks" (§5.1 C): half a round trip saved. */
  #sendCookieEcho(now: number): void {
    const tcb = this.#tcb;
    this.#attempts++;
    this.#sentAt = now;
    tcb.writer.open();
    for (const chunk of this.#cookieEcho) tcb.writer.append(chunk);
    tcb.sender.beginTurn(now);
    if (tcb.sender.canFill(now)) tcb.sender.fill(tcb.writer, now);
    tcb.finishPacket();
    tcb.timers.clear(TIMER.t3Rtx); // T1-cookie stands for it
    tcb.timers.set(TIMER.t1Cookie, now + this.#backedOffRto());
  }

  #backedOffRto(): number {
    const { rtoInitialMs, rtoMaxMs } = this.#tcb.options.timing;
    return Math.min(rtoInitialMs * 2 ** (this.#attempts - 1), rtoMaxMs);
  }

  /** The association is the one the ticket describes. */
  #adopt(ticket: Ticket, now: number): void {
    const tcb = this.#tcb;
    const { peer } = tcb;
    tcb.localTag = ticket.localTag;
    if (peer?.tag === ticket.peer.initiateTag) return;
    if (peer?.receiver.hasReceived) {
      // B, in an association that is in use: "it MUST update its peer's Verification Tag from the State Cookie".
      tcb.peer = { ...peer, tag: ticket.peer.initiateTag };
      return;
    }
    tcb.sender.resendAll(now);
    tcb.setPeer(ticket.peer);
  }

  #ticketFor(peer: InitParameters, now: number): { cookie: Uint8Array; ticket: Ticket } {
    const tcb = this.#tcb;
    const isForming = tcb.state === 'closed' || tcb.state === 'cookieWait' || tcb.state === 'cookieEchoed';
    // §5.2.2: tie-tags say which association the INIT would replace.
    const hasTies = tcb.state !== 'closed' && tcb.state !== 'cookieWait';
    const localTieTag = hasTies ? tcb.localTag : 0;
    const peerTieTag = hasTies ? tcb.peer!.tag : 0;
    const known = this.#cookies.reissue(peer, localTieTag, peerTieTag, now);
    if (known !== null) return known;
    const ticket: Ticket = {
      // §5.2.1: "using the same parameters it sent in its original INIT chunk"; §5.2.2: "a new Initiate Tag".
      localTag: isForming ? tcb.localTag : tcb.randomTag(),
      localInitialTsn: isForming ? tcb.localInitialTsn : randomUint32(tcb.options.random),
      peer,
      localTieTag,
      peerTieTag,
    };
    return { cookie: this.#cookies.issue(ticket, now), ticket };
  }
}
