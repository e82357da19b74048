/** The form of a recording of the CNI plugins (see data/golden/cni). */

type JsonObject = Readonly<Record<string, unknown>>;

/** A key put into etcd. */
export interface StoredKey {
  readonly key: string;
  readonly value: unknown;
}

/** The network of one namespace as recorded. */
export interface NetworkState {
  readonly links: readonly { readonly name: string; readonly mac: string; readonly mtu: number }[];
  readonly addresses: readonly { readonly dev: string; readonly addr: string; readonly scope: string }[];
  readonly routes: readonly {
    readonly dst: string;
    readonly gateway?: string;
    readonly dev: string;
    readonly protocol?: string;
    readonly family: string;
  }[];
  readonly sysctls: Readonly<Record<string, string | null>>;
}

/** A file, or a folder when its path ends in a slash. */
export interface RecordedFile {
  readonly mode: string;
  readonly content?: string;
}

/** One step: a run of a program, or something that the test does to the world. */
export interface Step {
  readonly about?: string;
  readonly program?: string;
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: JsonObject;
  readonly exit?: number | null;
  readonly stdout?: unknown;
  readonly stdout_raw?: string;
  readonly netns?: { readonly pod?: NetworkState | string; readonly host?: NetworkState };
  readonly etcd?: Readonly<Record<string, { readonly after: unknown }>> | readonly string[];
  readonly put?: readonly StoredKey[];
  readonly delete?: readonly string[];
  readonly file?: string;
  readonly content?: string | null;
  readonly netns_delete?: string;
  readonly etcd_state?: JsonObject;
  readonly files_before?: Readonly<Record<string, RecordedFile>>;
  readonly files_after?: Readonly<Record<string, RecordedFile>>;
  readonly container_binaries?: readonly string[];
}

/** A recording. */
export interface Scenario {
  readonly scenario: string;
  readonly calico: string;
  readonly setup: readonly StoredKey[];
  readonly kubernetes?: readonly JsonObject[];
  readonly kubernetes_api?: unknown;
  readonly steps: readonly Step[];
}
