/** `purertc chat` as it is built: two processes in a room of a third. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const ENTRY: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const children: ChildProcess[] = [];

afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** A process, what it has said so far, and a way to type. */
function run(...args: string[]) {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, PURERTC_PASSWORD: 'open sesame' },
  });
  children.push(child);
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  return {
    child,
    type: (line: string) => child.stdin.write(`${line}\n`),
    says: async (pattern: RegExp): Promise<RegExpExecArray> => {
      await expect.poll(() => said, { timeout: 15_000, interval: 20 }).toMatch(pattern);
      return pattern.exec(said)!;
    },
  };
}

test('two processes meet in a room with a password, talk, and end by themselves', async () => {
  const server = run('serve', '--host', '127.0.0.1', '--port', '0', '--no-turn');
  const [, url] = await server.says(/chat +(http:\S+)/);
  const ada = run('chat', 'tea', '--server', url!, '--name', 'Ada');
  const bob = run('chat', `${url}#room=tea`, '--name', 'Bob');
  await Promise.all([ada.says(/Bob is here \(terminal\)/), bob.says(/Ada is here \(terminal\)/)]);
  ada.type('good morning');
  await bob.says(/\d\d:\d\d Ada: good morning/);
  const ended = once(ada.child, 'exit');
  ada.type('/quit');
  await bob.says(/Ada has left/);
  const alsoEnded = once(bob.child, 'exit');
  bob.child.stdin.end();
  expect([(await ended)[0], (await alsoEnded)[0]]).toEqual([0, 0]);
}, 40_000);

test('what is wrong is said in a line', async () => {
  const failing = (...args: string[]) => promisify(execFile)(process.execPath, [ENTRY, 'chat', ...args]);
  await expect(failing()).rejects.toMatchObject({ code: 1, stderr: 'purertc chat ROOM: which room?\n' });
  await expect(failing('http://localhost:1/')).rejects.toMatchObject({
    code: 1,
    stderr: 'http://localhost:1/ leads to no room\n',
  });
  const unreachable = failing('tea', '--server', 'http://127.0.0.1:1/');
  await expect(unreachable).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^http:\/\/127.0.0.1:1\/: /),
  });
}, 20_000);
