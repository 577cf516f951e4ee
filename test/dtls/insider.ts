/** A peer with the keys of a connection that says what ours never would: made from the key log and the hellos. */
import { concatBytes, fromHex } from '../../src/binary/bytes.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { CIPHER_SUITES } from '../../src/dtls/cipher-suites.ts';
import { prf } from '../../src/dtls/key-schedule.ts';
import { RecordProtection } from '../../src/dtls/record-protection.ts';
import { Pair, type PairOptions } from './pair.ts';
import { messagesOf } from './wire.ts';

const RANDOM = { start: 2, end: 34 }; // behind the version, in both hellos

export class Insider {
  readonly pair: Pair;
  #keylog = '';
  #sequenceNumber = 100;

  constructor(options: PairOptions = {}) {
    this.pair = new Pair({ ...options, client: { ...options.client, keylog: (line) => (this.#keylog = line) } });
  }

  /** The record that `from` would send. */
  seal(
    from: 'client' | 'server',
    type: number,
    content: Uint8Array,
    sequenceNumber: number = this.#sequenceNumber++,
  ): Uint8Array {
    const protection = this.#protection(from);
    const record = new Uint8Array(protection.overhead + content.length);
    record.set(content, protection.headroom);
    protection.seal(record, protection.headroom, protection.headroom + content.length, type, 0xfefd, 1, sequenceNumber);
    return record;
  }

  /** RFC 5246 §6.3, by hand. */
  #protection(from: 'client' | 'server'): RecordProtection {
    const { client, server } = this.pair;
    const suite = CIPHER_SUITES.find(({ name }) => name === client.connection.cipherSuite)!;
    const masterSecret = fromHex(this.#keylog.split(' ')[2]!);
    const seed = concatBytes(randomOf(server.sent, 2), randomOf(client.sent, 1));
    const { keyLength, fixedIvLength } = suite;
    const block = prf(
      nodeCrypto.hmac(suite.hash, masterSecret),
      'key expansion',
      seed,
      2 * (keyLength + fixedIvLength),
    );
    const side = from === 'client' ? 0 : 1;
    const key = block.slice(side * keyLength, (side + 1) * keyLength);
    const iv = block.slice(2 * keyLength + side * fixedIvLength, 2 * keyLength + (side + 1) * fixedIvLength);
    return new RecordProtection(nodeCrypto, suite, key, iv);
  }
}

function randomOf(sent: readonly Uint8Array[], type: number): Uint8Array {
  const hello = sent.flatMap(messagesOf).find((message) => message.type === type);
  return hello!.body.subarray(RANDOM.start, RANDOM.end);
}
