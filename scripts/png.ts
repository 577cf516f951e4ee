/** Pictures of videos as small PNG files: what a browser writes is half as large again. */
import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const TRUECOLOUR = 2;
const PAETH = 4;
const BYTES_PER_PIXEL = 3;

/** @param rgb 8 bits a colour, without alpha */
export function encodePng(width: number, height: number, rgb: Uint8Array): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, TRUECOLOUR], 8);
  const data = deflateSync(filter(width, height, rgb), { level: 9 });
  return Buffer.concat([
    Buffer.from(SIGNATURE),
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Each byte less what its neighbours to the left and above let expect (PNG §9.4). */
function filter(width: number, height: number, rgb: Uint8Array): Buffer {
  const length = width * BYTES_PER_PIXEL;
  const filtered = Buffer.alloc(height * (length + 1));
  for (let y = 0; y < height; y++) {
    filtered[y * (length + 1)] = PAETH;
    for (let x = 0; x < length; x++) {
      const at = y * length + x;
      const left = x < BYTES_PER_PIXEL ? 0 : rgb[at - BYTES_PER_PIXEL]!;
      const above = y === 0 ? 0 : rgb[at - length]!;
      const corner = x < BYTES_PER_PIXEL || y === 0 ? 0 : rgb[at - length - BYTES_PER_PIXEL]!;
      filtered[y * (length + 1) + 1 + x] = rgb[at]! - paeth(left, above, corner);
    }
  }
  return filtered;
}

function paeth(left: number, above: number, corner: number): number {
  const [toLeft, toAbove] = [Math.abs(above - corner), Math.abs(left - corner)];
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
