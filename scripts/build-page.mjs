/** Bundles the chat page: src/app/page → dist/app/page, for any web server to serve as it is. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const source = fileURLToPath(new URL('../src/app/page/', import.meta.url));
const target = fileURLToPath(new URL('../dist/app/page/', import.meta.url));

mkdirSync(target, { recursive: true });
for (const file of ['index.html', 'style.css', 'icon.svg']) copyFileSync(source + file, target + file);
const build = await rolldown({
  input: `${source}main.ts`,
  platform: 'browser',
  resolve: { conditionNames: ['browser', 'import'] },
});
await build.write({ file: `${target}page.js`, format: 'esm', minify: true });
await build.close();
