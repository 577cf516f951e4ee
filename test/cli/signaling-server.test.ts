import { request } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type SignalingMessage, SignalingServer, type SignalingSession } from '../../src/cli/signaling-server.ts';

let server: SignalingServer;
let log: unknown[];
let sessions: SignalingSession[];

beforeEach(async () => {
  log = [];
  sessions = [];
  server = await SignalingServer.start(0, {
    opened: (session) => void sessions.push(session),
    message: (session, message) => void log.push([session.number, message]),
    closed: (session) => void log.push([session.number, 'closed']),
  });
});
afterEach(() => server.close());

type Answer = { status: number; body: string; headers: Record<string, unknown> };

/** By hand: fetch does not let a test lie about its host. */
function ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const { port } = new URL(server.url);
    const outgoing = request({ host: '127.0.0.1', port, path, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    outgoing.on('error', reject).end(options.body);
  });
}

/** Listens as a page does. */
async function listen(): Promise<{ id: string; next: () => Promise<unknown>; leave: () => void }> {
  const leaving = new AbortController();
  const response = await fetch(`${server.url}signal`, { signal: leaving.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  const next = async (): Promise<unknown> => {
    while (!buffer.includes('\n\n')) buffer += (await reader.read()).value ?? '';
    const [event, ...rest] = buffer.split('\n\n');
    buffer = rest.join('\n\n');
    return JSON.parse(event!.replace(/^data: /, ''));
  };
  const { id } = (await next()) as { id: string };
  return { id, next, leave: () => leaving.abort() };
}

function post(id: string, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) {
  return ask(`/signal/${id}`, { method: 'POST', headers, body });
}

test('serves the page and its parts, and nothing else', async () => {
  for (const path of ['/', '/app.js', '/style.css', '/icon.svg']) {
    const { status, body, headers } = await ask(path);
    expect(status).toBe(200);
    expect(body.length).toBeGreaterThan(100);
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(body).not.toMatch(/https?:\/\/(?!www\.w3\.org)/); // no resource of anybody else
  }
  for (const path of ['/index.html', '/../package.json', '/%2e%2e/package.json', '/signal/none']) {
    expect((await ask(path)).status).toBe(404);
  }
  expect((await ask('/', { method: 'DELETE' })).status).toBe(405);
});

test('carries messages both ways for each page', async () => {
  const [one, two] = [await listen(), await listen()];
  const offer: SignalingMessage = { description: { type: 'offer', sdp: 'v=0' } };
  const candidate: SignalingMessage = { candidate: { candidate: 'candidate:1', sdpMid: '0' } };
  expect((await post(one.id, JSON.stringify(offer))).status).toBe(204);
  expect((await post(two.id, JSON.stringify(candidate))).status).toBe(204);
  expect((await post(two.id, JSON.stringify({ candidate: null }))).status).toBe(204);
  expect(log).toEqual([
    [1, offer],
    [2, candidate],
    [2, { candidate: null }],
  ]);
  sessions[1]!.send({ description: { type: 'answer', sdp: 'v=0' } });
  expect(await two.next()).toEqual({ description: { type: 'answer', sdp: 'v=0' } });
  two.leave();
  await expect.poll(() => log.at(-1)).toEqual([2, 'closed']);
  expect((await post(two.id, '{"candidate":null}')).status).toBe(404);
  one.leave();
});

test('is deaf to other hosts and other origins', async () => {
  expect((await ask('/', { headers: { host: 'rebound.example' } })).status).toBe(403);
  expect((await ask('/signal', { headers: { origin: 'https://example.com' } })).status).toBe(403);
  const page = await listen();
  const headers = { 'content-type': 'application/json', origin: 'http://localhost:1' };
  expect((await post(page.id, '{"candidate":null}', headers)).status).toBe(403);
  expect((await post(page.id, '{"candidate":null}', { 'content-type': 'text/plain' })).status).toBe(415);
  expect(log).toEqual([]);
  page.leave();
});

test('refuses what is no message, or too long', async () => {
  const page = await listen();
  const long = JSON.stringify({ description: { type: 'offer', sdp: 'x'.repeat(70_000) } });
  const wrong = ['', '{', 'null', '[]', '7', '{}', '{"description":{"type":"offer"}}', '{"candidate":{}}', long];
  for (const body of wrong) expect((await post(page.id, body)).status).toBe(400);
  expect((await post(page.id, '{"description":{"type":"rollback","sdp":""}}')).status).toBe(400);
  expect(log).toEqual([]);
  page.leave();
});

test('takes the next free port', async () => {
  const port = Number(new URL(server.url).port);
  const handlers = { opened: () => {}, message: () => {}, closed: () => {} };
  const second = await SignalingServer.start(port, handlers);
  expect(Number(new URL(second.url).port)).toBeGreaterThan(port);
  await second.close();
});
