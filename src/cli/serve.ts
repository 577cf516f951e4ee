/** `purertc serve`: the chat page, the tracker, STUN and TURN, on one command. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { type Served, type ServeOptions, serve } from '../app/serve/serve.ts';
import { defaultCrypto } from '../crypto/index.ts';
import { jsonLines, TrackerCluster } from '../server/index.ts';
import { ephemeralCredentials } from '../turn/index.ts';
import { readAccessKeys } from './access-keys.ts';
import { type OpenBus, openBus } from './bus.ts';
import {
  describeSettings,
  oneOf,
  parseCount,
  parsePort,
  parsePortRange,
  parseSwitch,
  parseText,
  readSettings,
  SettingError,
  type SettingSources,
  type SettingsFor,
} from './settings.ts';

type ServeSettings = {
  readonly port?: number;
  readonly host?: string;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly page?: boolean;
  readonly origins?: readonly string[];
  readonly accessKeys?: string;
  readonly trustedProxies?: readonly string[];
  readonly connectionsPerAddress?: number;
  readonly turn?: boolean;
  readonly turnHosts?: readonly string[];
  readonly turnPort?: number;
  readonly turnTlsPort?: number;
  readonly publicAddresses?: readonly string[];
  readonly hostname?: string;
  readonly relayPorts?: { readonly min: number; readonly max: number };
  readonly allowedPeers?: readonly string[];
  readonly turnSecret?: string;
  readonly bus?: string;
  readonly clusterKey?: string;
  readonly metrics?: boolean;
  readonly stats?: boolean;
  readonly log?: 'json' | 'none';
  readonly open?: boolean;
};

const SETTINGS: SettingsFor<ServeSettings> = {
  port: { flag: 'port', takes: 'PORT', variable: 'PURERTC_PORT', about: 'of HTTP; 8080', parse: parsePort },
  host: {
    flag: 'host',
    takes: 'ADDRESS',
    variable: 'PURERTC_HOST',
    about: 'address to listen at; every one',
    parse: parseText,
  },
  tlsCertificate: {
    flag: 'tls-certificate',
    takes: 'FILE',
    variable: 'PURERTC_TLS_CERTIFICATE',
    about: 'PEM, ours first: HTTPS, and TURN over TLS',
    parse: parseText,
  },
  tlsKey: { flag: 'tls-key', takes: 'FILE', variable: 'PURERTC_TLS_KEY', about: 'its key', parse: parseText },
  page: { flag: 'no-page', variable: 'PURERTC_PAGE', about: 'the tracker without the chat', parse: parseSwitch },
  origins: {
    flag: 'origin',
    takes: 'ORIGIN',
    variable: 'PURERTC_ORIGINS',
    about: 'pages that may use the tracker; all',
    isList: true,
    parse: parseText,
  },
  accessKeys: {
    flag: 'access-key-file',
    takes: 'FILE',
    variable: 'PURERTC_ACCESS_KEY_FILE',
    about: 'keys of the tokens that connections must carry, as JSON; none needed',
    parse: parseText,
  },
  trustedProxies: {
    flag: 'trusted-proxy',
    takes: 'CIDR',
    variable: 'PURERTC_TRUSTED_PROXIES',
    about: 'whose X-Forwarded-For is believed; nobody',
    isList: true,
    parse: parseText,
  },
  connectionsPerAddress: {
    flag: 'connections-per-address',
    takes: 'N',
    variable: 'PURERTC_CONNECTIONS_PER_ADDRESS',
    about: 'of one IPv4 address or IPv6 /64; 50',
    parse: parseCount,
  },
  turn: { flag: 'no-turn', variable: 'PURERTC_TURN', about: 'no STUN and TURN', parse: parseSwitch },
  turnHosts: {
    flag: 'turn-host',
    takes: 'ADDRESS',
    variable: 'PURERTC_TURN_HOSTS',
    about: 'addresses to listen at; that of HTTP',
    isList: true,
    parse: parseText,
  },
  turnPort: {
    flag: 'turn-port',
    takes: 'PORT',
    variable: 'PURERTC_TURN_PORT',
    about: 'of STUN and TURN, UDP and TCP; 3478',
    parse: parsePort,
  },
  turnTlsPort: {
    flag: 'turn-tls-port',
    takes: 'PORT',
    variable: 'PURERTC_TURN_TLS_PORT',
    about: 'of TURN over TLS; 5349',
    parse: parsePort,
  },
  publicAddresses: {
    flag: 'public-address',
    takes: 'ADDRESS',
    variable: 'PURERTC_PUBLIC_ADDRESSES',
    about: "where others reach TURN, behind a NAT the NAT's; detected",
    isList: true,
    parse: parseText,
  },
  hostname: {
    flag: 'hostname',
    takes: 'NAME',
    variable: 'PURERTC_HOSTNAME',
    about: 'in the TURN addresses that are handed out',
    parse: parseText,
  },
  relayPorts: {
    flag: 'relay-ports',
    takes: 'MIN-MAX',
    variable: 'PURERTC_RELAY_PORTS',
    about: 'UDP ports of relays; 49152-65535',
    parse: parsePortRange,
  },
  allowedPeers: {
    flag: 'allow-peers',
    takes: 'CIDR',
    variable: 'PURERTC_ALLOW_PEERS',
    about: 'private addresses that may be relayed to; none',
    isList: true,
    parse: parseText,
  },
  turnSecret: {
    flag: 'turn-secret-file',
    takes: 'FILE',
    variable: 'PURERTC_TURN_SECRET_FILE',
    about: 'of ephemeral credentials that others issue; none',
    parse: parseText,
  },
  bus: {
    flag: 'bus',
    takes: 'URL',
    variable: 'PURERTC_BUS',
    about: 'redis:// or nats://, between the nodes of a cluster',
    parse: parseText,
  },
  clusterKey: {
    flag: 'cluster-key-file',
    takes: 'FILE',
    variable: 'PURERTC_CLUSTER_KEY_FILE',
    about: 'the secret of the cluster, 16 bytes or more',
    parse: parseText,
  },
  metrics: { flag: 'metrics', variable: 'PURERTC_METRICS', about: 'serve /metrics for Prometheus', parse: parseSwitch },
  stats: { flag: 'stats', variable: 'PURERTC_STATS', about: 'serve /stats as JSON', parse: parseSwitch },
  log: {
    flag: 'log',
    takes: 'FORMAT',
    variable: 'PURERTC_LOG',
    about: 'json, a line for each refusal, or none; none',
    parse: oneOf('json', 'none'),
  },
  open: { flag: 'open', variable: 'PURERTC_OPEN', about: 'open the chat in a browser', parse: parseSwitch },
};

export const SERVE_HELP: string = `purertc serve [options]

Serves the chat page, a WebTorrent-compatible tracker at /announce, STUN and TURN. All of it has defaults.

${describeSettings(SETTINGS)}
`;

type Print = (line: string) => void;

/** Runs until it is told to end. @throws SettingError, or what keeps the server from starting */
export async function runServe(args: readonly string[], print: Print): Promise<void> {
  const settings = readServeSettings({ args, env: process.env, readFile: (path) => readFileSync(path, 'utf8') });
  const cluster = settings.bus === undefined ? null : await openBus(settings.bus);
  const served = await serve({ ...serveOptions(settings, cluster), onWarning: print }).catch((error: unknown) => {
    // Options that make no sense to what they are for: they came from the settings.
    throw error instanceof TypeError || error instanceof RangeError ? new SettingError(error.message) : error;
  });
  tell(served, settings.page !== false, print);
  if (settings.open) openBrowser(served.urls[0]!);
  endOnSignals(served, cluster, print);
}

export function readServeSettings(sources: SettingSources): ServeSettings {
  const settings = readSettings<ServeSettings>(SETTINGS, sources);
  if ((settings.tlsCertificate === undefined) !== (settings.tlsKey === undefined)) {
    throw new SettingError('--tls-certificate and --tls-key belong together');
  }
  if (settings.turnTlsPort !== undefined && settings.tlsCertificate === undefined) {
    throw new SettingError('--turn-tls-port needs --tls-certificate and --tls-key');
  }
  if ((settings.bus === undefined) !== (settings.clusterKey === undefined)) {
    throw new SettingError('--bus and --cluster-key-file belong together');
  }
  return settings;
}

function serveOptions(settings: ServeSettings, cluster: OpenBus | null): ServeOptions {
  const { host, port, page, origins, trustedProxies, connectionsPerAddress, tlsCertificate, tlsKey } = settings;
  return {
    host,
    port,
    page,
    ...(tlsCertificate !== undefined && {
      tls: { certificateChain: readText(tlsCertificate), privateKey: readText(tlsKey!) },
    }),
    status: { stats: settings.stats ?? false, metrics: settings.metrics ?? false },
    tracker: {
      ...(cluster && { cluster: new TrackerCluster({ bus: cluster.bus, key: readText(settings.clusterKey!).trim() }) }),
      ...(settings.accessKeys && { access: { keys: readAccessKeys(settings.accessKeys) } }),
      ...(settings.log === 'json' && { log: jsonLines() }),
      ...(origins && { origins }),
      ...(trustedProxies && { trustedProxies }),
      ...(connectionsPerAddress && { limits: { maxConnectionsPerAddress: connectionsPerAddress } }),
    },
    turn: settings.turn === false ? false : turnOptions(settings),
  };
}

function turnOptions(settings: ServeSettings): Exclude<ServeOptions['turn'], false | undefined> {
  const { turnHosts, turnPort, turnTlsPort, publicAddresses, hostname, relayPorts, allowedPeers, turnSecret } =
    settings;
  return {
    port: turnPort,
    ...(turnHosts && { hosts: turnHosts }),
    tlsPort: turnTlsPort,
    ...(publicAddresses && { publicAddresses }),
    ...(hostname && { hostname, realm: hostname }),
    ...(relayPorts && { relayPortRange: relayPorts }),
    ...(allowedPeers && { allowedPeers }),
    ...(turnSecret && { credentials: [ephemeralUsers(readText(turnSecret).trim())] }),
  };
}

function ephemeralUsers(secret: string): ReturnType<typeof ephemeralCredentials> {
  if (secret === '') throw new SettingError('--turn-secret-file: the file is empty');
  return ephemeralCredentials({
    crypto: defaultCrypto(),
    secrets: () => [secret],
    unixSeconds: () => Date.now() / 1000,
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingError(error instanceof Error ? error.message : String(error));
  }
}

function tell({ urls, turn }: Served, hasPage: boolean, print: Print): void {
  const [local, ...others] = urls;
  print(`${hasPage ? 'chat   ' : 'server '}  ${local}`);
  for (const url of others) print(`         ${url}`);
  print(`tracker  ${local!.replace(/^http/, 'ws')}announce`);
  if (turn !== null) print(`turn     ${turn.urls.join(' ')}`);
  const isPlain = local!.startsWith('http:') && others.length > 0 && hasPage;
  if (isPlain)
    print(
      'Browsers give a page a camera on localhost and over HTTPS only: docs/hosting.md has what is needed for others.',
    );
  print('Ctrl+C ends.');
}

/** On a machine without a browser nothing happens: the address has been printed. */
function openBrowser(url: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', url]
        : ['xdg-open', url];
  const child = spawn(command!, args, { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

/** SIGTERM, from whoever runs services, lets visitors move on; Ctrl+C, or a second signal, ends at once. */
function endOnSignals(served: Served, cluster: OpenBus | null, print: Print): void {
  let isEnding = false;
  const end = (how: () => Promise<void>): void => {
    const ended = isEnding ? served.close() : how();
    isEnding = true;
    void ended.then(() => cluster?.close()).then(() => process.exit(0));
  };
  process.on('SIGTERM', () => {
    print('draining: visitors are sent away over 30 s');
    end(() => served.drain());
  });
  process.on('SIGINT', () => end(() => served.close()));
}
