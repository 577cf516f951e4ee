/** Drawing without replacement: which of the members of a room get an offer, without knowing them. */
import { type RandomSource, randomBetween } from '../../machine.ts';

/**
 * How many of `draws` fall on each place, when every member is drawn at most once: first those the author has not met,
 * then the others.
 * @param members how many there are in each place
 * @param met how many of them the author has met
 * @returns as many numbers as there are places; their sum is `draws`, or all members where there are fewer
 */
export function drawPlaces(
  random: RandomSource,
  members: readonly number[],
  met: readonly number[],
  draws: number,
): number[] {
  const drawn = members.map(() => 0);
  for (const pool of [members.map((count, place) => count - met[place]!), [...met]]) {
    let total = pool.reduce((sum, count) => sum + count, 0);
    for (; draws > 0 && total > 0; draws--, total--) {
      let at = Math.floor(randomBetween(random, 0, total));
      const place = pool.findIndex((count) => {
        at -= count;
        return at < 0;
      });
      pool[place]!--;
      drawn[place]!++;
    }
  }
  return drawn;
}
