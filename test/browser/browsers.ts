/** Real browsers for tests: found, started with a fresh profile, and shown pages that hold an interop agent. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser, type LaunchOptions, type Page } from 'puppeteer-core';

export type BrowserName = 'chromium' | 'firefox';
export const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox'];

/** The program itself before a distribution's wrapper script, which may add flags of its own. */
const PROGRAMS: Record<BrowserName, readonly string[]> = {
  chromium: [
    '/usr/lib/chromium/chromium',
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome-stable',
    '/usr/bin/google-chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox', '/Applications/Firefox.app/Contents/MacOS/firefox'],
};

const HOW_TO_GET: Record<BrowserName, string> = {
  chromium: 'apt-get install chromium, or set PURERTC_CHROMIUM to its path',
  firefox: 'apt-get install firefox-esr, or set PURERTC_FIREFOX to its path',
};

/** The browser's program, or `null`. PURERTC_CHROMIUM and PURERTC_FIREFOX come first. */
export function findBrowser(name: BrowserName): string | null {
  const named = process.env[`PURERTC_${name.toUpperCase()}`];
  if (named !== undefined && named !== '') return existsSync(named) ? named : null;
  return PROGRAMS[name].find((program) => existsSync(program)) ?? null;
}

const reported: Set<BrowserName> = new Set();

/**
 * Whether tests with this browser run here. Where it is not installed this says so, once, and how to get it;
 * with PURERTC_REQUIRE_BROWSERS=1 that is an error instead.
 */
export function browserAvailable(name: BrowserName): boolean {
  if (findBrowser(name) !== null) return true;
  const line = `${name} is not installed, its tests are skipped: ${HOW_TO_GET[name]}`;
  if (process.env['PURERTC_REQUIRE_BROWSERS'] === '1') throw new Error(line);
  if (!reported.has(name)) console.warn(line);
  reported.add(name);
  return false;
}

export type BrowserOptions = {
  /** Shows real addresses, loopback too, instead of the `.local` names that are the browsers' default. */
  exposeHostCandidates?: boolean;
  /** Pages may play and make sound without anybody having clicked. */
  playsMedia?: boolean;
  /** Takes certificates that nobody vouches for, those of TURN servers too. Firefox still wants a name, not an address. */
  trustsAnyCertificate?: boolean;
  /** libwebrtc's field trials to enable, in Chromium. */
  fieldTrials?: readonly string[];
  /** A microphone, a camera and a screen that are not there, given to whoever asks. */
  fakeMedia?: boolean;
  /** What the fake camera shows: an MJPEG file (JPEG after JPEG) that Chromium plays over and over. */
  fakeCamera?: string;
};

/** A running browser with a profile of its own. */
export class TestBrowser {
  readonly name: BrowserName;
  readonly version: string;
  readonly #browser: Browser;
  readonly #scratch: string;

  private constructor(name: BrowserName, version: string, browser: Browser, scratch: string) {
    this.name = name;
    this.version = version;
    this.#browser = browser;
    this.#scratch = scratch;
  }

  static async launch(name: BrowserName, options: BrowserOptions = {}): Promise<TestBrowser> {
    const executablePath = findBrowser(name);
    if (executablePath === null) throw new Error(`${name} is not installed: ${HOW_TO_GET[name]}`);
    const scratch = await mkdtemp(join(tmpdir(), `purertc-${name}-`));
    const common: LaunchOptions = {
      executablePath,
      headless: true,
      env: { ...process.env, HOME: scratch, XDG_CONFIG_HOME: scratch, XDG_CACHE_HOME: scratch },
    };
    const browser =
      name === 'chromium'
        ? await puppeteer.launch({
            ...common,
            userDataDir: join(scratch, 'profile'),
            args: chromiumFlags(options),
          })
        : await puppeteer.launch({
            ...common,
            browser: 'firefox',
            extraPrefsFirefox: firefoxPreferences(options),
            acceptInsecureCerts: options.trustsAnyCertificate ?? false,
          });
    return new TestBrowser(name, await browser.version(), browser, scratch);
  }

  /** A new page; errors in it are reported on this process's console. */
  async openPage(url: string): Promise<Page> {
    return this.#open(await this.#browser.newPage(), url);
  }

  /** A page in a window of its own, with storage of its own: others beside it do not put it into the background. */
  async openWindow(url: string): Promise<Page> {
    const context = await this.#browser.createBrowserContext();
    return this.#open(await context.newPage(), url);
  }

  async #open(page: Page, url: string): Promise<Page> {
    page.on('pageerror', (error) => console.error(`${this.name}:`, error));
    await page.goto(url, { waitUntil: 'load' });
    return page;
  }

  async close(): Promise<void> {
    await this.#browser.close().catch(() => this.#browser.process()?.kill('SIGKILL'));
    await rm(this.#scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

function chromiumFlags(options: BrowserOptions): string[] {
  const { exposeHostCandidates, playsMedia, trustsAnyCertificate, fieldTrials = [], fakeMedia, fakeCamera } = options;
  return [
    '--no-sandbox', // tests run as root in containers; the only pages shown are ours
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    // No fake media unless asked for: a page that may use a camera is shown real addresses (RFC 8828 §5.2).
    ...(exposeHostCandidates
      ? ['--disable-features=WebRtcHideLocalIpsWithMdns', '--allow-loopback-in-peer-connection']
      : []),
    ...(trustsAnyCertificate ? ['--ignore-certificate-errors'] : []),
    ...(playsMedia ? ['--autoplay-policy=no-user-gesture-required'] : []),
    ...(fieldTrials.length > 0
      ? [`--force-fieldtrials=${fieldTrials.map((name) => `${name}/Enabled/`).join('')}`]
      : []),
    ...(fakeMedia ? ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] : []),
    ...(fakeCamera === undefined ? [] : [`--use-file-for-fake-video-capture=${fakeCamera}`]),
  ];
}

function firefoxPreferences({ exposeHostCandidates, playsMedia, fakeMedia }: BrowserOptions): Record<string, unknown> {
  return {
    ...(exposeHostCandidates && {
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'media.peerconnection.ice.loopback': true,
    }),
    ...(playsMedia && {
      'media.autoplay.default': 0,
      'media.cubeb.force_mock_context': true, // an AudioContext would wait for a sound card that is not there
    }),
    ...(fakeMedia && {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
    }),
  };
}
