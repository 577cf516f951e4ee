/** Where the tiles of the stage stand. Numbers only: how it is drawn is the stage's business. */

export type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/** What may be cut off a camera's 16:9 or 4:3 so that tiles fill the stage. */
const MIN_ASPECT = 4 / 3;
const MAX_ASPECT = 16 / 9;

/** On a phone held upright a tile may be upright too. */
const MIN_ASPECT_UPRIGHT = 3 / 5;
/** Our own picture in the corner of it. */
const FLOATING_ASPECT_UPRIGHT = 3 / 4;

/** A shared screen takes this share of the stage, the others the rest. */
const FEATURED_SHARE = 0.78;

/** Equal tiles in rows, as large as they can be, the last row centred. */
export function gridLayout(count: number, width: number, height: number, gap: number): Box[] {
  if (count === 0 || width <= 0 || height <= 0) return [];
  const minAspect = height > width ? MIN_ASPECT_UPRIGHT : MIN_ASPECT;
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = { width: (width - gap * (columns - 1)) / columns, height: (height - gap * (rows - 1)) / rows };
    if (cell.width <= 0 || cell.height <= 0) continue;
    const tile = {
      columns,
      width: Math.min(cell.width, cell.height * MAX_ASPECT),
      height: Math.min(cell.height, cell.width / minAspect),
    };
    if (tile.width * tile.height > best.width * best.height) best = tile;
  }
  const { columns } = best;
  const rows = Math.ceil(count / columns);
  const top = (height - rows * best.height - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (width - inRow * best.width - (inRow - 1) * gap) / 2;
    return {
      x: left + (index % columns) * (best.width + gap),
      y: top + row * (best.height + gap),
      width: best.width,
      height: best.height,
    };
  });
}

/** The first tile large, the others in a strip beside it, or below it on an upright stage. */
export function featuredLayout(count: number, width: number, height: number, gap: number): Box[] {
  if (count === 0) return [];
  const whole = { x: 0, y: 0, width, height };
  if (count === 1) return [whole];
  const upright = height > width;
  const large = upright
    ? { ...whole, height: (height - gap) * FEATURED_SHARE }
    : { ...whole, width: (width - gap) * FEATURED_SHARE };
  const strip = upright
    ? { x: 0, y: large.height + gap, width, height: height - large.height - gap }
    : { x: large.width + gap, y: 0, width: width - large.width - gap, height };
  const small = gridLayout(count - 1, strip.width, strip.height, gap);
  return [large, ...small.map((box) => ({ ...box, x: box.x + strip.x, y: box.y + strip.y }))];
}

/** The first tile fills the stage, the second floats in its corner: a call of two. */
export function pairLayout(width: number, height: number, gap: number): [Box, Box] {
  const upright = height > width;
  const small = upright
    ? { width: Math.min(width * 0.3, 160), aspect: FLOATING_ASPECT_UPRIGHT }
    : { width: Math.min(Math.max(width * 0.24, 140), 260), aspect: MAX_ASPECT };
  const size = { width: small.width, height: small.width / small.aspect };
  return [
    { x: 0, y: 0, width, height },
    { x: width - size.width - gap, y: upright ? gap : height - size.height - gap, ...size },
  ];
}

/** By how much a camera's picture is made smaller for each of the others: tiles shrink as they become more, and so may it. */
export function pictureScale(others: number): number {
  if (others <= 2) return 1;
  return others <= 5 ? 2 : 3;
}
