/** Runs bench/congestion.ts on every Node: those that do not read TypeScript by themselves get it bundled. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const SOURCE = fileURLToPath(new URL('./congestion.ts', import.meta.url));
const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));

export async function main(args) {
  const build = await rolldown({ input: SOURCE, platform: 'node' });
  const { output } = await build.generate({ format: 'esm', codeSplitting: false });
  const directory = mkdtempSync(join(tmpdir(), 'purertc-bench-'));
  try {
    const file = join(directory, 'congestion.mjs');
    writeFileSync(file, output[0].code);
    (await import(pathToFileURL(file).href)).main(args, RESULTS);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
