#!/usr/bin/env node
/** The `purertc` command. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { CHAT_HELP, runChat } from './chat.ts';
import { runSelf, runSelfChild } from './self.ts';
import { runServe, SERVE_HELP } from './serve.ts';
import { SettingError } from './settings.ts';

const HELP = `purertc serve    the chat page, the tracker, STUN and TURN, on this machine
purertc chat     a room, in this terminal
purertc self     two processes, a connection, a measurement: what data channels do here
purertc COMMAND --help, purertc --version`;

function print(line: string): void {
  console.log(line);
}

/** @returns the exit code; `null`: the command goes on */
async function main([command, ...args]: readonly string[]): Promise<number | null> {
  const wantsHelp = args.includes('--help') || args.includes('-h');
  switch (command) {
    case 'serve':
      if (!wantsHelp) {
        await runServe(args, print);
        return null;
      }
      print(SERVE_HELP);
      return 0;
    case 'chat':
      if (wantsHelp) print(CHAT_HELP);
      else await runChat(args);
      return 0;
    case 'self':
      if (args.includes('--child')) {
        runSelfChild();
        return null;
      }
      return runSelf(new URL(import.meta.url), print);
    case '--version':
      print(versionOf(new URL('../../package.json', import.meta.url)));
      return 0;
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      print(HELP);
      return 0;
    default:
      throw new SettingError(`no such command: ${command}\n\n${HELP}`);
  }
}

function versionOf(packageFile: URL): string {
  return (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
}

try {
  const code = await main(process.argv.slice(2));
  if (code !== null) process.exitCode = code;
} catch (error) {
  // What a person can put right is said in a line; the rest is a fault, and comes with its stack.
  const isTheirs = error instanceof SettingError || (error instanceof Error && 'code' in error);
  console.error(isTheirs ? (error as Error).message : error);
  process.exit(1);
}
