/** Where settings come from, which counts, and how what is wrong is told. */
import { describe, expect, test } from 'vitest';
import { readServeSettings, SERVE_HELP } from '../../src/cli/serve.ts';
import { SettingError } from '../../src/cli/settings.ts';

function read(args: string[] = [], env: Record<string, string> = {}, files: Record<string, string> = {}) {
  const readFile = (path: string): string => {
    if (files[path] === undefined) throw new Error('no such file');
    return files[path];
  };
  return readServeSettings({ args, env, readFile });
}

describe('settings', () => {
  test('have no value where nobody gives one', () => {
    expect(read()).toEqual({});
    expect(read([], { PURERTC_PORT: '', HOME: '/root' })).toEqual({});
  });

  test('come from flags, variables and a file; in that order they count', () => {
    const files = {
      'chat.json': '{ "port": 1, "host": "192.0.2.1", "turn": false, "origins": ["https://a.example"] }',
    };
    const env = { PURERTC_PORT: '2', PURERTC_CONFIG: 'chat.json', PURERTC_HOST: '192.0.2.2' };
    expect(read(['--port', '3'], env, files)).toEqual({
      port: 3,
      host: '192.0.2.2',
      turn: false,
      origins: ['https://a.example'],
    });
    expect(read(['--config', 'chat.json'], { PURERTC_CONFIG: 'other.json' }, files)).toMatchObject({ port: 1 });
  });

  test('that are lists take commas, and the flag more than once', () => {
    const expected = { publicAddresses: ['192.0.2.1', '2001:db8::1', '198.51.100.1'] };
    expect(read(['--public-address', '192.0.2.1, 2001:db8::1', '--public-address', '198.51.100.1'])).toEqual(expected);
    expect(read([], { PURERTC_PUBLIC_ADDRESSES: expected.publicAddresses.join(',') })).toEqual(expected);
  });

  test('that are on by default are turned off by their flag, and by their variable', () => {
    expect(read(['--no-turn', '--no-page'])).toEqual({ turn: false, page: false });
    expect(read([], { PURERTC_TURN: 'off', PURERTC_PAGE: '1' })).toEqual({ turn: false, page: true });
  });

  test.each([
    [['--port', 'x'], {}, "--port: a port from 0 to 65535 expected, got 'x'"],
    [['--port', '1', '--port', '2'], {}, '--port: given more than once'],
    [['--porf', '1'], {}, "Unknown option '--porf'"],
    [['extra'], {}, "Unexpected argument 'extra'"],
    [[], { PURERTC_PORT: '70000' }, "PURERTC_PORT: a port from 0 to 65535 expected, got '70000'"],
    [[], { PURERTC_TURN: 'maybe' }, "PURERTC_TURN: true or false expected, got 'maybe'"],
    [['--relay-ports', '9-1'], {}, "--relay-ports: two ports as in 49152-65535 expected, got '9-1'"],
    [['--config', 'gone.json'], {}, 'gone.json: no such file'],
    [['--config', 'list.json'], {}, 'list.json: a JSON object expected'],
    [['--config', 'text.json'], {}, 'text.json: '],
    [['--config', 'typo.json'], {}, 'typo.json: no such setting: prot. There are port, host,'],
    [['--config', 'port.json'], {}, "port in port.json: a port from 0 to 65535 expected, got '-1'"],
    [['--tls-key', 'key.pem'], {}, '--tls-certificate and --tls-key belong together'],
    [['--turn-tls-port', '5349'], {}, '--turn-tls-port needs --tls-certificate'],
  ])('that are wrong are told with their place: %j %j', (args, env, message) => {
    const files = { 'list.json': '[]', 'text.json': 'port=1', 'typo.json': '{"prot":1}', 'port.json': '{"port":-1}' };
    const attempt = () => read(args, env as Record<string, string>, files);
    expect(attempt).toThrow(SettingError);
    expect(attempt).toThrow(message);
  });

  test('are all in the help, with their variables', () => {
    for (const text of ['--no-turn ', '--port PORT', '(PURERTC_PORT)', '--public-address ADDRESS', '--config FILE']) {
      expect(SERVE_HELP).toContain(text);
    }
  });
});
