/** A TURN and STUN server: sockets, credentials and bounds around the machine of `src/turn`. */
export { type CredentialResolver, PeriodSecrets, type PeriodSecretsOptions, staticUsers } from './credentials.ts';
export type { TurnListenOptions, TurnServiceOptions } from './options.ts';
export { type IceServer, TurnService } from './service.ts';
export type { TurnServiceStats } from './service-stats.ts';
export type { SessionCredentialsOptions } from './session-credentials.ts';
