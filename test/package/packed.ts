/** The package as a user gets it: packed, unpacked into a project of its own, with the declared dependencies alone. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Manifest = {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
};

const root = fileURLToPath(new URL('../..', import.meta.url));

export class PackedProject {
  /** A temporary folder with a `node_modules`. */
  readonly directory: string = mkdtempSync(join(tmpdir(), 'purertc-package-'));
  readonly tarball: string;
  readonly manifest: Manifest;

  /** Packs what `npm run build` left in dist. */
  constructor() {
    if (!existsSync(join(root, 'dist/index.js'))) throw new Error('dist is missing: run `npm run build` first');
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', this.directory];
    const [{ filename }] = JSON.parse(
      execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
    this.tarball = join(this.directory, filename);
    mkdirSync(join(this.directory, 'node_modules'));
    execFileSync('tar', ['-xzf', this.tarball, '-C', join(this.directory, 'node_modules')]);
    const unpacked = join(this.directory, 'node_modules/package');
    this.manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));
    const own = { private: true, type: 'module', dependencies: { [this.manifest.name]: '*' } };
    writeFileSync(join(this.directory, 'package.json'), JSON.stringify(own));
    this.#link(unpacked, this.manifest.name);
    // An import of anything that is not declared fails here, as it would for a user.
    for (const name of Object.keys(this.manifest.dependencies)) this.#link(join(root, 'node_modules', name), name);
  }

  /** Every module the package lets in: `purertc`, `purertc/ice` … */
  get doors(): string[] {
    const { name, exports } = this.manifest;
    return Object.keys(exports)
      .filter((door) => door !== './package.json')
      .map((door) => name + door.slice(1));
  }

  /** Runs a program in the project: what it printed, and how it ended (0 is well). */
  run(command: string, args: readonly string[]): { status: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: this.directory, encoding: 'utf8' });
    return { status, output: status === 0 ? stdout : stdout + stderr };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #link(target: string, name: string): void {
    const link = join(this.directory, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link, 'junction');
  }
}

/** Where a development tool's program is. */
export function tool(name: string): string {
  return join(root, 'node_modules/.bin', name);
}
