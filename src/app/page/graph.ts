/** A minute of one figure, drawn as an area with its highest value. */

/** Bound: samples kept; one a second. */
export const HISTORY = 60;

const LINE_WIDTH = 1.75;
const TOP = 6;

export class Graph {
  readonly #canvas: HTMLCanvasElement;
  readonly #output: HTMLOutputElement;
  readonly #format: (value: number) => string;
  /** A scale never ends below this: a line of noise must not look like a mountain. */
  readonly #smallestTop: number;

  constructor(
    canvas: HTMLCanvasElement,
    output: HTMLOutputElement,
    format: (value: number) => string,
    smallestTop: number,
  ) {
    this.#canvas = canvas;
    this.#output = output;
    this.#format = format;
    this.#smallestTop = smallestTop;
  }

  /** @param values oldest first, at most `HISTORY`; `null` where nobody measured */
  draw(values: readonly (number | null)[]): void {
    const last = values.at(-1) ?? null;
    this.#output.value = last === null ? '–' : this.#format(last);
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    const context = canvas.getContext('2d');
    if (context === null || width === 0) return;
    const scale = devicePixelRatio;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.scale(scale, scale);
    const top = Math.max(this.#smallestTop, ...values.map((value) => value ?? 0));
    const x = (index: number): number => width - ((values.length - 1 - index) * width) / (HISTORY - 1);
    const y = (value: number): number => height - 1 - (value / top) * (height - 1 - TOP);
    const points = values.flatMap((value, index) => (value === null ? [] : [[x(index), y(value)] as const]));
    if (points.length < 2) return;
    const colour = getComputedStyle(canvas).color;
    const line = new Path2D();
    for (const [px, py] of points) line.lineTo(px, py);
    const area = new Path2D(line);
    area.lineTo(points.at(-1)![0], height);
    area.lineTo(points[0]![0], height);
    const shade = context.createLinearGradient(0, 0, 0, height);
    shade.addColorStop(0, colour);
    shade.addColorStop(1, 'transparent');
    context.globalAlpha = 0.45;
    context.fillStyle = shade;
    context.fill(area);
    context.globalAlpha = 1;
    context.strokeStyle = colour;
    context.lineWidth = LINE_WIDTH;
    context.lineJoin = 'round';
    context.stroke(line);
  }
}
