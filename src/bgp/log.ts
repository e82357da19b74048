/** What this room writes its log to; `node/` supplies it. Fields are appended as `name=value`. */
export interface BgpLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A log that keeps nothing. */
export const silentBgpLog: BgpLog = { info() {}, warn() {}, error() {} };
