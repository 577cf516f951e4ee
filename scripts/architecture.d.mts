/** The types of architecture.mjs. */

export type Violation = { file: string; line: number; message: string };
export function checkArchitecture(sources: ReadonlyMap<string, string>): Violation[];
export function layerOf(file: string): string;
