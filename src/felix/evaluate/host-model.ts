/** A host as the evaluator sees it: its program, settings, interfaces. */
import { type Address, CidrTrie, formatAddress, parseAddress, parseCidr } from '../../ip/index.ts';
import { type ProgramSource, SetLookup, type WorkloadProgram } from '../../policy/index.ts';
import type { Encapsulation, HostInterface } from '../dataplane.ts';
import { assignHostEndpoints, type HostEndpointAssignment, type RuleSettings } from '../render/index.ts';

/** What a {@link HostModel} is made of. */
export interface HostModelInput {
  readonly name: string;
  readonly program: Pick<ProgramSource, 'entries'>;
  readonly settings: RuleSettings;
  readonly interfaces: readonly HostInterface[];
  readonly encapsulation: Encapsulation;
}

/** One host at one moment: make another when the program changed. */
export class HostModel {
  readonly name: string;
  readonly program: Pick<ProgramSource, 'entries'>;
  readonly settings: RuleSettings;
  readonly interfaces: readonly HostInterface[];
  readonly encapsulation: Encapsulation;
  readonly sets: SetLookup;
  readonly hostEndpoints: HostEndpointAssignment;
  readonly #byInterface = new Map<string, WorkloadProgram>();
  readonly #byAddress = new Map<string, WorkloadProgram>();
  readonly #pools = new CidrTrie<{ readonly natOutgoing: boolean }>();

  constructor(input: HostModelInput) {
    this.name = input.name;
    this.program = input.program;
    this.settings = input.settings;
    this.interfaces = input.interfaces;
    this.encapsulation = input.encapsulation;
    this.sets = new SetLookup(input.program);
    this.hostEndpoints = assignHostEndpoints(
      input.program.entries('host-endpoint').values(),
      input.interfaces,
      input.settings.workloadPrefixes,
    );
    const identity = ({ id }: WorkloadProgram) => `${id.orchestrator}\n${id.workload}\n${id.endpoint}`;
    const workloads = [...input.program.entries('workload').values()]
      .filter((one) => one.allowSpoofedSourcePrefixes.length === 0 || input.settings.spoofingAllowed)
      .sort((a, b) => (identity(a) < identity(b) ? -1 : 1));
    for (const workload of workloads) {
      if (this.#byInterface.has(workload.interfaceName)) continue;
      this.#byInterface.set(workload.interfaceName, workload);
      for (const net of [...workload.ipv4Nets, ...workload.ipv6Nets]) {
        this.#byAddress.set(formatAddress(parseCidr(net)), workload);
      }
    }
    for (const pool of input.program.entries('pool').values()) this.#pools.set(parseCidr(pool.cidr), pool);
  }

  /** The workload on an interface. */
  workloadOn(name: string): WorkloadProgram | undefined {
    return this.#byInterface.get(name);
  }

  /** The workload with an address. */
  workloadWith(address: string): WorkloadProgram | undefined {
    return this.#byAddress.get(address);
  }

  isWorkloadInterface(name: string): boolean {
    return this.settings.workloadPrefixes.some((prefix) => name.startsWith(prefix));
  }

  /** An address of the host itself. */
  isOwn(address: string): boolean {
    return this.interfaces.some((one) => one.ipv4.includes(address) || one.ipv6.includes(address));
  }

  /** Policed at all: without IPv6 support nothing of it is. */
  polices(version: 4 | 6): boolean {
    return version === 4 || this.settings.ipv6;
  }

  /** Whether what leaves for this destination gets an address of the host. */
  masquerades(source: string, destination: string): boolean {
    const from = parseAddress(source);
    const to = parseAddress(destination);
    if (!this.#inPool(from, true) || this.#inPool(to, false)) return false;
    if (!this.settings.natExcludesHosts) return true;
    const hosts = [...this.program.entries('host').values()];
    return !hosts.some((host) => host.ipv4 === destination || host.ipv6 === destination);
  }

  #inPool(address: Address, natOutgoing: boolean): boolean {
    for (const { value } of this.#pools.matches(address)) if (!natOutgoing || value.natOutgoing) return true;
    return false;
  }
}
