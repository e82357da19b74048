/** Text for people: wrapped at 79 columns, as Kubespray's and operators' scripts have always seen it. */

const width = 79;

/** Wraps text at spaces; `first` leads the first line, `rest` the others. Words longer than a line stand alone. */
export function wrap(text: string, first = '', rest = ''): string {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = rest + word;
    } else {
      line += empty ? word : ` ${word}`;
      empty = false;
    }
  }
  lines.push(line);
  return lines.join('\n');
}

/** Where a run writes what it does. */
export interface StatusWriter {
  write(text: string): void;
}

/** The few shapes of upstream's output. */
export class StatusText {
  readonly #writer: StatusWriter;

  constructor(writer: StatusWriter) {
    this.#writer = writer;
  }

  line(text = ''): void {
    this.#writer.write(`${wrap(text)}\n`);
  }

  bullet(text: string): void {
    this.#writer.write(`${wrap(text, ' * ', '   ')}\n`);
  }

  error(text: string): void {
    this.#writer.write(`${wrap(`ERROR: ${text}`)}\n`);
  }

  /** As it is: paths are not broken. */
  raw(text: string): void {
    this.#writer.write(text);
  }

  separator(): void {
    this.#writer.write(`\n${'-'.repeat(width)}\n\n`);
  }
}
