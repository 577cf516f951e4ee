/** Where the chat in a terminal shows itself: lines that scroll, a status line, and the line that is being typed. */
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import { styleText } from 'node:util';

export type Style = 'dim' | 'bold' | 'cyan' | 'yellow';

export type Screen = {
  /** Characters in a line. */
  readonly width: number;
  print(line: string): void;
  /** What goes on, above the line that is typed; empty: nothing. */
  status(line: string): void;
  style(style: Style, text: string): string;
  /** Whatever is typed, line by line; ends with the input. */
  readonly input: AsyncIterable<string>;
  close(): void;
};

type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };
type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

const PROMPT = '> ';
const DEFAULT_WIDTH = 80;

/** A screen for these streams: one that redraws its last lines on a terminal, plain lines elsewhere. */
export function openScreen(input: Input, output: Output): Screen {
  return input.isTTY && output.isTTY ? new TerminalScreen(input, output) : new PlainScreen(input, output);
}

class PlainScreen implements Screen {
  readonly width = DEFAULT_WIDTH;
  readonly input: Interface;
  readonly #output: Output;

  constructor(input: Input, output: Output) {
    this.input = createInterface({ input });
    this.#output = output;
  }

  print(line: string): void {
    this.#output.write(`${line}\n`);
  }

  status(): void {}

  style(_style: Style, text: string): string {
    return text;
  }

  close(): void {
    this.input.close();
  }
}

/** Everything printed goes above the status line and the prompt, which are drawn anew below it. */
class TerminalScreen implements Screen {
  readonly input: Interface;
  readonly #output: Output;
  #status = '';

  constructor(input: Input, output: Output) {
    this.#output = output;
    this.input = createInterface({ input, output, prompt: PROMPT });
    this.input.prompt();
    this.input.on('line', () => this.#draw());
    // Twice, as a shell has it: once for the line, once for the chat.
    this.input.on('SIGINT', () => (this.input.line === '' ? this.close() : this.#clearLine()));
  }

  get width(): number {
    return this.#output.columns ?? DEFAULT_WIDTH;
  }

  print(line: string): void {
    this.#erase();
    this.#output.write(`${line}\n`);
    this.#draw();
  }

  status(line: string): void {
    const fitting = [...line].slice(0, this.width - 1).join('');
    if (fitting === this.#status) return;
    this.#erase();
    this.#status = fitting;
    this.#draw();
  }

  style(style: Style, text: string): string {
    return styleText(style, text);
  }

  close(): void {
    this.input.close();
    this.#output.write('\n');
  }

  #erase(): void {
    const rows = this.input.getCursorPos().rows + (this.#status === '' ? 0 : 1);
    moveCursor(this.#output, 0, -rows);
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
  }

  #draw(): void {
    if (this.#status !== '') this.#output.write(`${this.style('dim', this.#status)}\n`);
    this.input.prompt(true);
  }

  #clearLine(): void {
    this.input.write(null, { ctrl: true, name: 'e' });
    this.input.write(null, { ctrl: true, name: 'u' });
  }
}
