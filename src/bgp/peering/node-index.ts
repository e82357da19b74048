/** Look-ups over the nodes of a cluster that a pass over all sessions repeats, each computed once. */
import { matchesLabels } from '../../selector/index.ts';
import type { NodeSet } from '../model/peer.ts';
import type { BgpNode, BgpState, Problem } from '../model/state.ts';

/** Nodes by name order, by selector and by address. */
export class NodeIndex {
  /** All nodes, sorted by name, without those whose address another node has. */
  readonly all: readonly BgpNode[];
  /** Nodes left out because another, lower in name, has their address. */
  readonly duplicates: readonly Problem[];
  readonly #everyone: readonly BgpNode[];
  readonly #selected = new Map<string, ReadonlySet<string>>();
  readonly #byAddress = new Map<string, BgpNode>();
  readonly #members = new Map<NodeSet, readonly BgpNode[]>();

  constructor(state: BgpState) {
    const duplicates: Problem[] = [];
    const all: BgpNode[] = [];
    this.#everyone = [...state.nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const node of this.#everyone) {
      const twin = [node.ipv4, node.ipv6].flatMap(
        (address) => (address && this.#byAddress.get(address.ip)) ?? [],
      )[0];
      if (twin) {
        duplicates.push({
          object: `Node ${node.name}`,
          message: `has an address of node ${twin.name}: no sessions to it`,
        });
        continue;
      }
      all.push(node);
      for (const address of [node.ipv4, node.ipv6]) if (address) this.#byAddress.set(address.ip, node);
    }
    this.all = all;
    this.duplicates = duplicates;
  }

  /** The node that has an address. */
  at(ip: string): BgpNode | undefined {
    return this.#byAddress.get(ip);
  }

  /** Members of a set, sorted by name. */
  members(set: NodeSet): readonly BgpNode[] {
    if (set.kind === 'all') return this.all;
    let members = this.#members.get(set);
    if (!members) {
      members = this.all.filter((node) => this.contains(set, node));
      this.#members.set(set, members);
    }
    return members;
  }

  /** Whether a node is in a set. */
  contains(set: NodeSet, node: BgpNode): boolean {
    switch (set.kind) {
      case 'all':
        return true;
      case 'name':
        return set.name === node.name;
      case 'selector': {
        let names = this.#selected.get(set.text);
        if (!names) {
          names = new Set(
            this.#everyone.filter((one) => matchesLabels(set.selector, one.labels)).map((one) => one.name),
          );
          this.#selected.set(set.text, names);
        }
        return names.has(node.name);
      }
    }
  }
}
