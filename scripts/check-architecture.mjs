/** Applies the rules of architecture.mjs to src. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkArchitecture } from './architecture.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => `src/${name.replaceAll('\\', '/')}`);
const violations = checkArchitecture(new Map(files.map((file) => [file, readFileSync(root + file, 'utf8')])));

for (const { file, line, message } of violations) console.log(`${file}:${line}: ${message}`);
console.log(`${files.length} files, ${violations.length} violations of docs/architecture.md`);
process.exitCode = violations.length > 0 ? 1 : 0;
