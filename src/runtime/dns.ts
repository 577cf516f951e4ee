/** DNS by the system's resolver, hosts file included. */
import { builtin } from './builtin.ts';

/** The A or AAAA addresses of a name; empty for any reason there are none. */
export async function lookup(hostname: string, family: 4 | 6): Promise<string[]> {
  try {
    const found = await builtin('node:dns').promises.lookup(hostname, { family, all: true });
    return found.map(({ address }) => address);
  } catch {
    return [];
  }
}
