import { expect, test } from 'vitest';
import { LateBus } from '../../src/cli/late-bus.ts';
import { BusHub } from '../../src/server/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('a bus that comes late brings what was subscribed to before, and what is given up stays away', async () => {
  const hub = new BusHub();
  const late = new LateBus();
  const heard: string[] = [];
  const states: string[] = [];
  late.onState((state) => states.push(state));
  late.subscribe('a', (message) => heard.push(`a ${new TextDecoder().decode(message)}`));
  late.subscribe('b', () => heard.push('b'))();
  expect([late.state, late.publish('a', bytes('lost'))]).toEqual(['down', false]);

  late.use(hub.connect());
  expect([late.state, states]).toEqual(['up', ['up']]);
  const cancel = late.subscribe('c', () => heard.push('c'));
  const other = hub.connect();
  for (const subject of ['a', 'b', 'c']) other.publish(subject, bytes('there'));
  await expect.poll(() => heard).toEqual(['a there', 'c']);
  cancel();
  other.publish('c', bytes('gone'));
  other.publish('a', bytes('again'));
  await expect.poll(() => heard).toEqual(['a there', 'c', 'a again']);
});
