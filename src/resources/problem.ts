/** What validation finds, and its text. Upstream: libcalico-go/lib/errors (ErrorValidation). */

/** One refused field. */
export interface Problem {
  readonly field: string;
  /** As Go prints it; absent where upstream shows no value. */
  readonly value?: string;
  readonly reason: string;
}

/** Upstream's text for problems; there must be at least one. */
export function problemsText(problems: readonly Problem[]): string {
  const texts = problems.map(
    ({ field, value, reason }) => `${field}${value === undefined ? '' : ` = '${value}'`} (${reason})`,
  );
  if (texts.length === 1) return `error with field ${texts[0]}`;
  return `error with the following fields:\n${texts.map((text) => `-  ${text}\n`).join('')}`;
}
