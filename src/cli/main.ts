/** The demonstration's command line. `npm start` builds what is needed and comes here. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Demo } from './demo.ts';
import { runSelf, runSelfChild } from './self.ts';

const DEFAULT_PORT = 8080;

const USAGE = `npm start                  serve the page and be the WebRTC peer of every tab that opens it
npm start -- --port 9000   on another port than ${DEFAULT_PORT} (the next free one is taken)
npm start -- --self        no browser: two processes, a measurement, a summary`;

function print(line: string): void {
  console.log(line);
}

async function main(): Promise<number | null> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: String(DEFAULT_PORT) },
      self: { type: 'boolean', default: false },
      'self-child': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    print(USAGE);
    return 0;
  }
  if (values['self-child']) {
    runSelfChild();
    return null;
  }
  if (values.self) return runSelf(new URL(import.meta.url), print);
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    print(`--port is a number from 0 to 65535, not ${values.port}`);
    return 1;
  }
  const demo = new Demo({ port, print, terminal: process.stdin.isTTY });
  const url = await demo.start();
  print(`PureRTC waits for you at ${url}`);
  print(process.stdin.isTTY ? 'What you type here is said to every tab. Ctrl+C ends.' : 'Ctrl+C ends.');
  const stop = (): void => void demo.close().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return null;
}

try {
  const code = await main();
  if (code !== null) process.exitCode = code;
} catch (error) {
  print(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
