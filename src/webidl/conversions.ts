/**
 * Web IDL in small: how an interface looks from JavaScript, and how JavaScript values become IDL values
 * (https://webidl.spec.whatwg.org/#js-type-mapping). Every class of `webrtc/` takes its arguments through here, so that
 * wrong ones fail as they do in a browser: with a `TypeError`, before anything else has happened.
 */

/** A name for error messages, such as `RTCIceServer.urls`. */
type What = string;

/** Turns a JavaScript value into an IDL value or throws `TypeError`. */
export type Conversion<T> = (value: unknown, what: What) => T;

/**
 * Passed as the first argument to constructors that the specification does not give to scripts. Without it they throw
 * as they do in a browser.
 */
export const INTERNAL: unique symbol = Symbol('internal constructor');

/** @throws TypeError unless `key` is `INTERNAL` */
export function requireInternal(key: unknown): void {
  if (key !== INTERNAL) throw new TypeError('Illegal constructor');
}

/**
 * Makes a class look like the interface `name`: its name in `Object.prototype.toString`, its attributes and methods
 * enumerable. Called from a static block of the class.
 * @param length how many arguments the constructor requires; 0 where scripts have none. Default: what the class says
 */
export function exposeInterface(
  target: { readonly prototype: object; readonly length: number },
  name: string,
  length: number = target.length,
): void {
  const { prototype } = target;
  for (const key of Object.getOwnPropertyNames(prototype)) {
    if (key !== 'constructor') Object.defineProperty(prototype, key, { enumerable: true });
  }
  for (const key of Object.getOwnPropertyNames(target)) {
    if (!['prototype', 'name', 'length'].includes(key)) Object.defineProperty(target, key, { enumerable: true });
  }
  Object.defineProperty(target, 'length', { value: length });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

/** @throws TypeError when fewer than `required` arguments were passed */
export function requireArguments(count: number, required: number, what: What): void {
  if (count >= required) return;
  const plural = required === 1 ? '' : 's';
  throw new TypeError(`${what}: ${required} argument${plural} required, but only ${count} present`);
}

export const toBoolean: Conversion<boolean> = (value) => Boolean(value);

/** A template converts as IDL wants it: `toString` is called, and a symbol throws. */
export const toDOMString: Conversion<string> = (value) => `${value as string}`;

/** A string in which every lone surrogate has become U+FFFD, so that it has a UTF-8 form. */
export const toUSVString: Conversion<string> = (value, what) =>
  toDOMString(value, what).replace(/\p{Surrogate}/gu, '\uFFFD');

const toNumber = (value: unknown, what: What): number => {
  if (typeof value === 'bigint' || typeof value === 'symbol')
    throw new TypeError(`${what}: ${typeof value} is no number`);
  return Number(value);
};

/** `double`: infinities and NaN throw. */
export const toDouble: Conversion<number> = (value, what) => {
  const number = toNumber(value, what);
  if (!Number.isFinite(number)) throw new TypeError(`${what}: expected a finite number, got ${String(value)}`);
  return number;
};

/** Integers of Web IDL without extended attributes wrap around: 65,536 as an `unsigned short` is 0. */
function wrapping(bits: number, signed: boolean): Conversion<number> {
  const modulus = 2 ** bits;
  return (value, what) => {
    const number = Math.trunc(toNumber(value, what));
    if (!Number.isFinite(number)) return 0;
    const rest = (number % modulus) + 0; // never -0
    if (signed && rest >= modulus / 2) return rest - modulus;
    return rest < (signed ? -modulus / 2 : 0) ? rest + modulus : rest;
  };
}

/** `[EnforceRange]`: what does not fit throws. */
function enforcingRange(max: number): Conversion<number> {
  return (value, what) => {
    const number = toNumber(value, what);
    const integer = Math.trunc(number);
    if (!Number.isFinite(number) || integer < 0 || integer > max) {
      throw new TypeError(`${what}: expected an integer from 0 to ${max}, got ${String(value)}`);
    }
    return integer + 0; // never -0
  };
}

export const toLong: Conversion<number> = wrapping(32, true);
export const toUnsignedLong: Conversion<number> = wrapping(32, false);
export const toUnsignedShort: Conversion<number> = wrapping(16, false);
export const toShort: Conversion<number> = wrapping(16, true);
export const toOctet: Conversion<number> = wrapping(8, false);
/** Exact up to 2^53, as numbers are. */
export const toLongLong: Conversion<number> = wrapping(64, true);
export const toUnsignedLongLong: Conversion<number> = wrapping(64, false);
export const enforceOctet: Conversion<number> = enforcingRange(0xff);
export const enforceUnsignedShort: Conversion<number> = enforcingRange(0xffff);
export const enforceUnsignedLong: Conversion<number> = enforcingRange(0xffff_ffff);
/** `[EnforceRange] unsigned long long` ends where a double ceases to be exact. */
export const enforceUnsignedLongLong: Conversion<number> = enforcingRange(Number.MAX_SAFE_INTEGER);

/** `T?`: both `null` and `undefined` become `null`. */
export function nullable<T>(convert: Conversion<T>): Conversion<T | null> {
  return (value, what) => (value === null || value === undefined ? null : convert(value, what));
}

/** An IDL enum: any other string throws. */
export function enumeration<const T extends string>(name: string, values: readonly T[]): Conversion<T> {
  return (value, what) => {
    const text = toDOMString(value, what);
    const found = values.find((candidate) => candidate === text);
    if (found === undefined) throw new TypeError(`${what}: '${text}' is not a valid ${name}`);
    return found;
  };
}

/** `sequence<T>`: anything iterable, but no string. */
export function sequence<T>(convert: Conversion<T>): Conversion<T[]> {
  return (value, what) => {
    if (!isObject(value) || typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function') {
      throw new TypeError(`${what}: expected a sequence`);
    }
    return Array.from(value as Iterable<unknown>, (item, index) => convert(item, `${what}[${index}]`));
  };
}

/** A platform object of one of our classes. */
export function instance<T>(type: abstract new (...args: never[]) => T, name: string): Conversion<T> {
  return (value, what) => {
    if (!(value instanceof type)) throw new TypeError(`${what}: expected an ${name}`);
    return value;
  };
}

/** A callback function. */
export const toCallback: Conversion<(...args: unknown[]) => unknown> = (value, what) => {
  if (typeof value !== 'function') throw new TypeError(`${what}: expected a function`);
  return value as (...args: unknown[]) => unknown;
};

/** The members of a dictionary, read one by one; a member that is `undefined` counts as absent. */
export class Dictionary {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #name: string;

  /** @throws TypeError unless `value` is an object, `null` or `undefined` */
  constructor(value: unknown, name: string) {
    if (value !== undefined && value !== null && !isObject(value)) {
      throw new TypeError(`${name}: expected an object, got ${typeof value}`);
    }
    this.#members = (value ?? {}) as Readonly<Record<string, unknown>>;
    this.#name = name;
  }

  /** The member, or `undefined` when absent. */
  optional<T>(member: string, convert: Conversion<T>): T | undefined {
    const value = this.#members[member];
    return value === undefined ? undefined : convert(value, `${this.#name}.${member}`);
  }

  /** The member, or its default when absent. */
  withDefault<T>(member: string, convert: Conversion<T>, fallback: T): T {
    return this.optional(member, convert) ?? fallback;
  }

  /** @throws TypeError when absent */
  required<T>(member: string, convert: Conversion<T>): T {
    const value = this.#members[member];
    if (value === undefined) throw new TypeError(`${this.#name}.${member} is required`);
    return convert(value, `${this.#name}.${member}`);
  }
}

export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
