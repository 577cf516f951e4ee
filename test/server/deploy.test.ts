/** What deploy/, the Dockerfile and docs/hosting.md say of the command and the server, held against these. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SERVE_HELP } from '../../src/cli/serve.ts';
import { attach, statusHandler } from '../../src/server/index.ts';

const root = new URL('../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8');

describe('deploy', () => {
  it.each(['Dockerfile', 'deploy/purertc.service', 'docs/hosting.md'])('%s names settings that there are', (name) => {
    const named = new Set(read(name).match(/PURERTC_[A-Z_]+\b/g));
    expect(named.size).toBeGreaterThan(0);
    for (const variable of named) expect(SERVE_HELP).toContain(`(${variable})`);
  });

  it('the container is in good health when the server is, and only then', async () => {
    const [, command] = /^HEALTHCHECK [\s\S]*?CMD (\[.*\])$/m.exec(read('Dockerfile'))!;
    const [program, ...args] = JSON.parse(command!) as [string, ...string[]];
    expect(program).toBe('node');
    const server = createServer();
    const tracker = attach(server);
    const answer = statusHandler(tracker.tracker);
    server.on('request', (request, response) => answer(request, response) || response.writeHead(404).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const check = async (): Promise<number | null> => {
      const child = spawn(process.execPath, args, { env: { ...process.env, PURERTC_PORT: String(port) } });
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    };
    expect(await check()).toBe(0);
    tracker.close();
    server.close();
    server.closeAllConnections();
    expect(await check()).toBe(1);
  });

  it('the container runs without rights what the build makes', () => {
    const text = read('Dockerfile');
    expect(text).toMatch(/^USER node$/m);
    const { bin } = JSON.parse(read('package.json')) as { bin: { purertc: string } };
    expect(text).toContain(`ENTRYPOINT ["node", "/app/${bin.purertc.replace(/^\.\//, '')}"]`);
  });

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
  it.skipIf(!hasSystemd)('systemd finds nothing wrong with the unit, and little exposed', () => {
    const unit = fileURLToPath(new URL('deploy/purertc.service', root));
    expect(spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
    const verdict = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
      encoding: 'utf8',
    });
    expect(Number(/exposure level for purertc\.service: ([\d.]+)/.exec(verdict)![1])).toBeLessThan(2);
  });
});
