/**
 * Congestion control over a simulated path: how much of it is used, and how long packets wait in its queue.
 *
 *   npm run bench -- congestion [--only part-of-a-name] [--seed 1]
 *
 * Virtual time and seeded randomness: the figures are the same on every machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Figures, run, SCENARIOS } from '../test/rtp/congestion/scenarios.ts';

type Row = { readonly scenario: string } & Figures;

export function main(args: readonly string[], directory: string): void {
  const option = (name: string): string | undefined => {
    const index = args.indexOf(`--${name}`);
    return index < 0 ? undefined : args[index + 1];
  };
  const seed = Number(option('seed') ?? 1);
  const only = option('only') ?? '';
  const rows: Row[] = [];
  console.log('| scenario | used | kbit/s | queue p50 | queue p95 | pacer p95 | lost | padding |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const scenario of SCENARIOS.filter(({ name }) => name.includes(only))) {
    const { figures } = run(scenario, seed);
    rows.push({ scenario: scenario.name, ...figures });
    const { utilisation, bitrate, queueP50, queueP95, pacerP95, loss, paddingShare } = figures;
    const columns = [
      scenario.name,
      percent(utilisation),
      (bitrate / 1000).toFixed(0),
      `${queueP50.toFixed(0)} ms`,
      `${queueP95.toFixed(0)} ms`,
      `${pacerP95.toFixed(0)} ms`,
      percent(loss, 1),
      percent(paddingShare, 1),
    ];
    console.log(`| ${columns.join(' | ')} |`);
  }
  const at = new Date().toISOString();
  const file = `${directory}congestion-${at.replaceAll(/[:.]/g, '-')}.json`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ bench: 'congestion', at, seed, rows }, null, 1)}\n`);
  console.log(`\n${file.slice(fileURLToPath(new URL('..', `file://${directory}`)).length)}`);
}

function percent(share: number, digits = 0): string {
  return `${(share * 100).toFixed(digits)} %`;
}
