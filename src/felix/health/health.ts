/**
 * Who is alive and ready: each part of the agent registers and reports; one that is silent for longer than its timeout
 * is neither. Upstream: libcalico-go/lib/health.
 */

/** What a part reports about itself. */
export interface HealthState {
  readonly live: boolean;
  readonly ready: boolean;
  readonly detail?: string;
}

/** State of a part at the moment of asking. */
export interface HealthReport extends HealthState {
  readonly name: string;
}

interface Reporter {
  /** Milliseconds of silence allowed; none: for ever. */
  timeout: number | undefined;
  state: HealthState;
  reportedAt: number;
}

/** See the file's comment. */
export class Health {
  readonly #reporters = new Map<string, Reporter>();
  readonly #now: () => number;
  readonly #overrides: Readonly<Record<string, number>>;

  constructor(now: () => number, overrides: Readonly<Record<string, number>> = {}) {
    this.#now = now;
    this.#overrides = overrides;
  }

  /** Adds a part; it is live and not ready until it reports. */
  register(name: string, timeout?: number): void {
    const limit = this.#overrides[name] ?? timeout;
    this.#reporters.set(name, {
      timeout: limit === 0 ? undefined : limit,
      state: { live: true, ready: false },
      reportedAt: this.#now(),
    });
  }

  /** Takes a report. */
  report(name: string, state: HealthState): void {
    const reporter = this.#reporters.get(name);
    if (!reporter) return;
    reporter.state = state;
    reporter.reportedAt = this.#now();
  }

  /** All parts. */
  reports(): readonly HealthReport[] {
    return [...this.#reporters].map(([name, reporter]) => {
      const silent = this.#now() - reporter.reportedAt;
      if (reporter.timeout === undefined || silent <= reporter.timeout) return { name, ...reporter.state };
      return {
        name,
        live: false,
        ready: false,
        detail: `timed out: silent for ${Math.round(silent / 1000)} s`,
      };
    });
  }
}
