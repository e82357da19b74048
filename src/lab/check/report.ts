/** What a check found. */

/** What was looked at. */
export type CheckArea =
  | 'sessions'
  | 'routes'
  | 'icmp'
  | 'tcp'
  | 'pod-to-host'
  | 'endpoints'
  | 'exports'
  | 'clients';

/** One thing that is not as the plan says. */
export interface Difference {
  readonly area: CheckArea;
  /** The host or pod that was looked at. */
  readonly where: string;
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

/** A check's result. */
export interface CheckReport {
  /** How many expectations each area had, and how many held. */
  readonly areas: Readonly<Record<CheckArea, { readonly expected: number; readonly held: number }>>;
  readonly differences: readonly Difference[];
  readonly milliseconds: number;
}

/** Collects results. */
export class ReportBuilder {
  readonly #areas = new Map<CheckArea, { expected: number; held: number }>();
  readonly differences: Difference[] = [];

  /** An expectation that holds, or does not. */
  expect(area: CheckArea, holds: boolean, difference: () => Omit<Difference, 'area'>): void {
    const counts = this.#counts(area);
    counts.expected++;
    if (holds) counts.held++;
    else this.differences.push({ area, ...difference() });
  }

  /** Something that is there and should not be. */
  unexpected(area: CheckArea, difference: Omit<Difference, 'area'>): void {
    this.#counts(area);
    this.differences.push({ area, ...difference });
  }

  report(milliseconds: number): CheckReport {
    const areas: CheckArea[] = [
      'sessions',
      'routes',
      'icmp',
      'tcp',
      'pod-to-host',
      'endpoints',
      'exports',
      'clients',
    ];
    return {
      areas: Object.fromEntries(
        areas.map((area) => [area, this.#counts(area)]),
      ) as unknown as CheckReport['areas'],
      differences: this.differences,
      milliseconds,
    };
  }

  #counts(area: CheckArea): { expected: number; held: number } {
    let counts = this.#areas.get(area);
    if (!counts) {
      counts = { expected: 0, held: 0 };
      this.#areas.set(area, counts);
    }
    return counts;
  }
}
