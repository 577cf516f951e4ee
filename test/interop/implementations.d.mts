/** The types of implementations.mjs. */

export type ImplementationName = 'purertc' | 'purertc-noble' | 'werift' | 'node-datachannel' | 'roamhq';
export type RivalName = Exclude<ImplementationName, 'purertc' | 'purertc-noble'>;
export type RuntimeName = 'node' | 'node20' | 'node22' | 'node24' | 'node26' | 'deno' | 'bun';
export type Runtime = { command: string; args: string[] };

export const peersDirectory: string;
export function rivalVersion(name: RivalName): string | null;
export function ownEntry(path?: string): string;
export function loadImplementation(name: ImplementationName): Promise<{ RTCPeerConnection: typeof RTCPeerConnection }>;
export function findRuntime(name: RuntimeName): Runtime | null;
export function newestNode(): Runtime & { name: RuntimeName };
