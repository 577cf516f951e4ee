/** The keys that a tracker's access tokens are verified with, from a file. */
import { readFileSync } from 'node:fs';
import type { AccessKey } from '../server/index.ts';
import { SettingError } from './settings.ts';

const EXPECTED =
  'a JSON list of { "id", "algorithm": "HS256", "secret" } and { "id", "algorithm": "EdDSA", "publicKey" } expected, in base64';

/** @throws SettingError for a file that cannot be read, or has something else in it */
export function readAccessKeys(path: string): AccessKey[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SettingError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!Array.isArray(content) || content.length === 0) throw new SettingError(`${path}: ${EXPECTED}`);
  return content.map((entry: unknown) => {
    const { id, algorithm, secret, publicKey } = Object(entry) as Record<string, unknown>;
    if (typeof id === 'string' && algorithm === 'HS256' && typeof secret === 'string') {
      return { id, algorithm, secret: Buffer.from(secret, 'base64') };
    }
    if (typeof id === 'string' && algorithm === 'EdDSA' && typeof publicKey === 'string') {
      return { id, algorithm, publicKey: Buffer.from(publicKey, 'base64') };
    }
    throw new SettingError(`${path}: ${EXPECTED}`);
  });
}
