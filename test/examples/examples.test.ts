/** Every example is run, as a user would, on the built package. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { RTCPeerConnection } from '../../src/index.ts';
import { BROWSERS, browserAvailable, TestBrowser } from '../browser/browsers.ts';

const FOLDER: string = fileURLToPath(new URL('../../examples/', import.meta.url));
/** One screen. */
const MAX_LINES = 75;

/** What each prints. */
const EXPECTED: Record<string, RegExp> = {
  'data-channel.mjs': /^bob got "hello, bob" on "greetings"\nalice got "HELLO, BOB"\n$/,
  'dtls.mjs': /^connected: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 over x25519\nechoed: hello over DTLS\n$/,
  'ice.mjs': /^(?=.*alice: connected)(?=.*bob: connected)(?=.*alice: sends to port \d+).*\n$/s,
  'simulation.mjs':
    /^open after \d+ ms of the network's time\n200 of 200 arrived, in order, after \d+ ms\n\d+ packets were lost [^\n]*\n$/,
};

test('there is a test for every example, and each fits on a screen', () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.mjs'));
  expect(names.sort()).toEqual([...Object.keys(EXPECTED), 'echo-server.mjs'].sort());
  for (const name of names) {
    expect(readFileSync(`${FOLDER}${name}`, 'utf8').split('\n').length, name).toBeLessThanOrEqual(MAX_LINES);
  }
});

test.each(Object.entries(EXPECTED))('%s runs and ends by itself', async (name, expected) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [`${FOLDER}${name}`], { timeout: 15_000 });
  expect(stdout).toMatch(expected);
  expect(stderr).toBe('');
});

test('simulation.mjs gives the same figures again', async () => {
  const run = async (): Promise<string> =>
    (await promisify(execFile)(process.execPath, [`${FOLDER}simulation.mjs`], { timeout: 15_000 })).stdout;
  expect(await run()).toBe(await run());
});

describe('echo-server.mjs', () => {
  let server: ChildProcess | undefined;
  afterEach(() => {
    server?.kill();
  });

  async function start(): Promise<string> {
    const child = spawn(process.execPath, [`${FOLDER}echo-server.mjs`], { env: { ...process.env, PORT: '0' } });
    server = child;
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`exited with ${code}`)));
    });
  }

  test('echoes to Node', async () => {
    const url = await start();
    const pc = new RTCPeerConnection();
    const channel = pc.createDataChannel('echo');
    const echoed = new Promise((resolve) => {
      channel.onmessage = ({ data }) => resolve(data);
    });
    channel.onopen = () => channel.send('hello');
    await pc.setLocalDescription();
    const response = await fetch(`${url}offer`, { method: 'POST', body: JSON.stringify(pc.localDescription) });
    await pc.setRemoteDescription((await response.json()) as { type: 'answer'; sdp: string });
    expect(await echoed).toBe('hello');
    pc.close();
  });

  test.each(BROWSERS.filter(browserAvailable))('echoes to %s', async (name) => {
    const url = await start();
    const browser = await TestBrowser.launch(name);
    try {
      const page = await browser.openPage(url);
      await page.waitForFunction(() => document.title === 'Echo: open');
      await page.type('#text', 'hello\n');
      await page.waitForFunction(() => document.getElementById('log')?.textContent === 'hello\n');
    } finally {
      await browser.close();
    }
  });
});
