/** Progress on a terminal: one line per stage that is rewritten while the stage runs; elsewhere a line per end. */
import type { StageEvent } from './protocol.ts';

/** Shows the events of a start. */
export class ProgressView {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: boolean;
  #timer: ReturnType<typeof setInterval> | undefined;
  #current: { readonly event: StageEvent; readonly at: number } | undefined;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    this.#live = stream.isTTY === true;
  }

  show(event: StageEvent): void {
    if (event.state === 'running') {
      this.#current = { event, at: performance.now() };
      if (!this.#live) return;
      this.#draw();
      this.#timer ??= setInterval(() => this.#draw(), 100);
      return;
    }
    this.#current = undefined;
    const clear = this.#live ? '\r\x1b[K' : '';
    const mark = event.state === 'done' ? '✓' : '✗';
    this.#stream.write(`${clear}${mark} ${columns(event, event.milliseconds)} ${event.detail}`.trimEnd());
    this.#stream.write('\n');
  }

  /** Leaves the terminal with a clean line. */
  close(): void {
    clearInterval(this.#timer);
    if (this.#live && this.#current) this.#stream.write('\r\x1b[K');
  }

  #draw(): void {
    if (!this.#current) return;
    const { event, at } = this.#current;
    const text = `… ${columns(event, event.milliseconds + performance.now() - at)} ${event.detail}`;
    this.#stream.write(`\r\x1b[K${text.slice(0, (this.#stream.columns ?? 80) - 1)}`);
  }
}

function columns({ stage, done, total }: StageEvent, milliseconds: number): string {
  const seconds = `${(milliseconds / 1000).toFixed(1)} s`;
  return `${stage.padEnd(14)}${`${done}/${total}`.padStart(7)}${seconds.padStart(9)}`;
}
