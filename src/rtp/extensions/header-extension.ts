/** What a header extension is to the rest: a value, and how it is written into and read out of a packet. */

/**
 * One kind of header extension (RFC 8285), known by its URI. Reading and writing go by offset, so that the extensions
 * of a packet cost no views. An application's own ones are objects of this shape.
 */
export interface HeaderExtension<Value> {
  readonly uri: string;
  /** How many bytes of data this value takes: 1 … 16 fit the one-byte form, 0 … 255 the other. */
  length(value: Value): number;
  /** Writes the value; `length(value)` bytes are there. */
  write(value: Value, bytes: Uint8Array, at: number): void;
  /** The value in bytes[start, end); `null` for one that is malformed. Never throws. */
  read(bytes: Uint8Array, start: number, end: number): Value | null;
}

/** The data of an element by itself. Not for the packet path. */
export function encodeHeaderExtension<Value>(extension: HeaderExtension<Value>, value: Value): Uint8Array {
  const bytes = new Uint8Array(extension.length(value));
  extension.write(value, bytes, 0);
  return bytes;
}

/** The value of an element's data; `null` for one that is malformed. */
export function decodeHeaderExtension<Value>(extension: HeaderExtension<Value>, data: Uint8Array): Value | null {
  return extension.read(data, 0, data.length);
}

/** An extension that is handed on as it is: the bytes, as a copy. */
export function opaqueExtension(uri: string): HeaderExtension<Uint8Array> {
  return {
    uri,
    length: (value) => value.length,
    write: (value, bytes, at) => bytes.set(value, at),
    read: (bytes, start, end) => bytes.slice(start, end),
  };
}
