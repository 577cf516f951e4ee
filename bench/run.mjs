/** `npm run bench -- <name> [options]`: runs bench/<name>.mjs (its `main`). */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [name, ...args] = process.argv.slice(2);
const file = new URL(`./${name}.mjs`, import.meta.url);
if (name === undefined || name.includes('/') || !existsSync(file)) {
  const names = readdirSync(fileURLToPath(new URL('.', import.meta.url)))
    .filter((entry) => entry.endsWith('.mjs') && !['run.mjs', 'data-peer.mjs', 'peer-process.mjs'].includes(entry))
    .map((entry) => entry.slice(0, -4));
  console.error(`usage: npm run bench -- <${names.join('|')}> [options]`);
  process.exit(1);
}
await (await import(file.href)).main(args);
