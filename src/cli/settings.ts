/**
 * Settings of a command, each from one of three places: a flag, an environment variable, a key of a JSON file. A flag counts
 * before the variable, the variable before the file. What is wrong is said with the place it stands in.
 */
import { parseArgs } from 'node:util';

export type Setting<Value = unknown> = {
  /** Without the dashes. A setting that is on by default has `no-` before it as its flag. */
  readonly flag: string;
  /** What the flag takes, for the help; left out where it takes nothing. */
  readonly takes?: string;
  readonly variable: string;
  readonly about: string;
  /** Several values: the flag again and again, or commas between them. */
  readonly isList?: boolean;
  /** @throws RangeError for a text that is no such value: what was expected */
  readonly parse: (text: string) => Value;
};

/** The settings that give such values; lists are made of what `parse` returns. */
export type SettingsFor<Values> = {
  readonly [Name in keyof Values]-?: NonNullable<Values[Name]> extends readonly (infer Value)[]
    ? Setting<Value> & { readonly isList: true }
    : Setting<NonNullable<Values[Name]>> & { readonly isList?: false };
};

type Settings = Readonly<Record<string, Setting>>;

export type SettingSources = {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of the file that `--config` or its variable names. @throws when it cannot be read */
  readonly readFile: (path: string) => string;
};

/** What is wrong with a command line, a variable or a file, in words for whoever wrote it. */
export class SettingError extends Error {
  override readonly name: string = 'SettingError';
}

const CONFIG_FLAG = 'config';
const CONFIG_VARIABLE = 'PURERTC_CONFIG';

/** @throws SettingError for the first thing that is wrong */
export function readSettings<Values>(wanted: SettingsFor<Values>, sources: SettingSources): Values {
  const settings = wanted as Settings;
  const flags = readFlags(settings, sources.args);
  const path = flags.get(CONFIG_FLAG)?.[0] ?? sources.env[CONFIG_VARIABLE];
  const file = path === undefined ? {} : readConfigFile(settings, path, sources.readFile);
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const found =
      given(`--${setting.flag}`, flags.get(setting.flag)) ??
      given(setting.variable, fromVariable(setting, sources.env[setting.variable])) ??
      given(`${name} in ${path}`, fromFile(file[name]));
    if (found !== null) values[name] = parse(setting, found.place, found.texts);
  }
  return values as Values;
}

/** A line for each setting, in two columns. */
export function describeSettings(settings: Settings): string {
  const rows = Object.values(settings).map(({ flag, takes, variable, about }) => [
    `--${flag}${takes === undefined ? '' : ` ${takes}`}`,
    `${about} (${variable})`,
  ]);
  rows.push([`--${CONFIG_FLAG} FILE`, `all of these as one JSON object (${CONFIG_VARIABLE})`]);
  const width = Math.max(...rows.map(([left]) => left!.length));
  return rows.map(([left, right]) => `  ${left!.padEnd(width)}  ${right}`).join('\n');
}

type Found = { readonly place: string; readonly texts: readonly string[] };

function given(place: string, texts: readonly string[] | undefined): Found | null {
  return texts === undefined ? null : { place, texts };
}

function readFlags(settings: Settings, args: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const options = Object.fromEntries(
    Object.values(settings).map(({ flag, takes }) => [
      flag,
      takes === undefined ? ({ type: 'boolean' } as const) : ({ type: 'string', multiple: true } as const),
    ]),
  );
  let values: Record<string, boolean | string | (boolean | string)[] | undefined>;
  try {
    ({ values } = parseArgs({ args: [...args], options: { ...options, [CONFIG_FLAG]: { type: 'string' } } }));
  } catch (error) {
    throw new SettingError(error instanceof Error ? error.message : String(error));
  }
  return new Map(
    Object.entries(values).map(([flag, value]) => {
      if (typeof value === 'boolean') return [flag, [flag.startsWith('no-') ? 'false' : 'true']];
      return [flag, [value ?? []].flat().map(String)];
    }),
  );
}

/** An empty variable is as good as none: that is how containers leave one out. */
function fromVariable({ isList }: Setting, text: string | undefined): readonly string[] | undefined {
  if (text === undefined || text === '') return undefined;
  return isList ? text.split(',') : [text];
}

function fromFile(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return (Array.isArray(value) ? value : [value]).map(String);
}

function readConfigFile(
  settings: Settings,
  path: string,
  readFile: SettingSources['readFile'],
): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(readFile(path));
  } catch (error) {
    throw new SettingError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new SettingError(`${path}: a JSON object expected`);
  }
  const unknown = Object.keys(content).find((name) => !(name in settings));
  if (unknown !== undefined) {
    throw new SettingError(`${path}: no such setting: ${unknown}. There are ${Object.keys(settings).join(', ')}`);
  }
  return content as Record<string, unknown>;
}

function parse(setting: Setting, place: string, texts: readonly string[]): unknown {
  const parts = setting.isList ? texts.flatMap((text) => text.split(',')).map((text) => text.trim()) : texts;
  try {
    if (setting.isList) return parts.filter((text) => text !== '').map(setting.parse);
    if (parts.length > 1) throw new RangeError('given more than once');
    return setting.parse(parts[0]!);
  } catch (error) {
    throw new SettingError(`${place}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

// The kinds of values there are

export function parseText(text: string): string {
  if (text === '') throw new RangeError('a text expected, got nothing');
  return text;
}

export function parseSwitch(text: string): boolean {
  if (['true', '1', 'yes', 'on'].includes(text)) return true;
  if (['false', '0', 'no', 'off'].includes(text)) return false;
  throw new RangeError(`true or false expected, got '${text}'`);
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new RangeError(`a port from 0 to 65535 expected, got '${text}'`);
  return port;
}

export function parsePortRange(text: string): { readonly min: number; readonly max: number } {
  const [min, max] = text.split('-').map(Number);
  if (!/^\d+-\d+$/.test(text) || min! < 1 || min! > max! || max! > 65_535) {
    throw new RangeError(`two ports as in 49152-65535 expected, got '${text}'`);
  }
  return { min: min!, max: max! };
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new RangeError(`a whole number above 0 expected, got '${text}'`);
  return Number(text);
}

export function oneOf<const Choice extends string>(...choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new RangeError(`${choices.join(' or ')} expected, got '${text}'`);
    return found;
  };
}
