/** `npm start`: builds if the source is newer than the build, then serves the chat and opens it, or what else is asked. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const entry = join(root, 'dist/cli/main.js');

function newest(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return Math.max(...files.map((file) => statSync(join(file.parentPath ?? file.path, file.name)).mtimeMs));
}

if (!existsSync(entry) || statSync(entry).mtimeMs < newest(join(root, 'src'))) {
  const [command, ...args] = process.env['npm_execpath']
    ? [process.execPath, process.env['npm_execpath']]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
  const { status } = spawnSync(command, [...args, 'run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const isCommand = process.argv[2] !== undefined && !process.argv[2].startsWith('-');
if (!isCommand) process.argv.splice(2, 0, 'serve', '--open');
await import(new URL('../dist/cli/main.js', import.meta.url).href);
