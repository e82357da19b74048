/**
 * Chains that are there whatever the endpoints: the hooks, tunnels, failsafes, workload to host.
 *
 * Upstream source: felix/rules/static.go. Chain names in capitals are the built-in hooks.
 */
import type { IpVersion } from '../../ip/index.ts';
import type { Encapsulation } from '../dataplane.ts';
import type { Action, Chain, Match, Rule, Table } from './ast.ts';
import { clear, set } from './endpoint-chains.ts';
import { anyInterface, chainName, chainNameLimit, setName } from './names.ts';
import { denyAction } from './policy-rules.ts';
import type { Failsafe, RuleSettings } from './settings.ts';

/** What the static chains follow beside the settings. */
export interface StaticContext {
  readonly version: IpVersion;
  readonly settings: RuleSettings;
  readonly encapsulation: Encapsulation;
  /** There is an endpoint `*`. */
  readonly anyHostEndpoint: boolean;
  /** It has preDNAT policies. */
  readonly anyPreDnat: boolean;
  /** CIDRs of services, both versions. */
  readonly serviceCidrs: readonly string[];
}

/** Names of the dispatch maps, and the chains that use them. */
export const dispatchChains = [
  { table: 'filter', name: 'cali-from-wl-dispatch', by: 'in' },
  { table: 'filter', name: 'cali-to-wl-dispatch', by: 'out' },
  { table: 'filter', name: 'cali-from-host-endpoint', by: 'in' },
  { table: 'filter', name: 'cali-to-host-endpoint', by: 'out' },
  { table: 'filter', name: 'cali-from-hep-forward', by: 'in' },
  { table: 'filter', name: 'cali-to-hep-forward', by: 'out' },
  { table: 'mangle', name: 'cali-from-host-endpoint', by: 'in' },
  { table: 'mangle', name: 'cali-to-host-endpoint', by: 'out' },
  { table: 'raw', name: 'cali-from-host-endpoint', by: 'in' },
  { table: 'raw', name: 'cali-to-host-endpoint', by: 'out' },
] as const;

/** All of them but nat. */
export function staticChains(context: StaticContext): readonly Chain[] {
  return [
    ...hookChains(),
    ...rawChains(context),
    ...mangleChains(context),
    ...filterChains(context),
    ...dispatchersOf(context),
    ...failsafes(context),
    { table: 'filter', name: 'cali-cidr-block', rules: serviceLoop(context) },
  ];
}

function jump(chain: string, ...match: Match[]): Rule {
  return { match, actions: [{ do: 'jump', chain }] };
}

function act(action: 'accept' | 'drop' | 'return' | 'notrack', ...match: Match[]): Rule {
  return { match, actions: [{ do: action }] };
}

function on(direction: 'in' | 'out', name: string): Match {
  return { on: 'interface', direction, name };
}

/** The built-in chains only jump; what each hook does stands in the chain of ours. */
function hookChains(): readonly Chain[] {
  const hooks: readonly [Table, readonly string[]][] = [
    ['raw', ['PREROUTING', 'OUTPUT']],
    ['mangle', ['PREROUTING', 'POSTROUTING']],
    ['nat', ['PREROUTING', 'OUTPUT', 'POSTROUTING']],
    ['filter', ['INPUT', 'OUTPUT']],
  ];
  return hooks.flatMap(([table, names]) =>
    names.map((name) => ({ table, name, rules: [jump(`cali-${name}`)] })),
  );
}

function clearAll({ settings: { marks } }: StaticContext): Rule {
  return {
    match: [],
    actions: [{ do: 'clear-mark', bits: marks.accept + marks.pass + marks.scratch0 + marks.scratch1 }],
  };
}

function vxlanOn({ version, encapsulation }: StaticContext): boolean {
  return version === 4 ? encapsulation.vxlan : encapsulation.vxlanV6;
}

function vxlanPort({ settings }: StaticContext): readonly Match[] {
  const port = { first: settings.vxlanPort, last: settings.vxlanPort };
  return [
    { on: 'protocol', protocol: 17 },
    { on: 'ports', side: 'destination', ports: [port] },
  ];
}

function rawChains(context: StaticContext): readonly Chain[] {
  const { settings } = context;
  const { accept, scratch0 } = settings.marks;
  // Both ends use varying source ports: tracked, every packet of a tunnel would be a connection of its own.
  const notrack = vxlanOn(context) ? [act('notrack', ...vxlanPort(context))] : [];
  return [
    {
      table: 'raw',
      name: 'cali-PREROUTING',
      rules: [
        clearAll(context),
        ...notrack,
        ...settings.workloadPrefixes.map(
          (prefix): Rule => ({
            match: [on('in', `${prefix}*`)],
            actions: [{ do: 'set-mark', bits: scratch0 }],
          }),
        ),
        jump('cali-rpf-skip', set(scratch0)),
        {
          match: [set(scratch0), { on: 'reverse-path-fails' }],
          actions: [{ do: 'drop' }],
          comment: 'Source address is not of the endpoint',
        },
        jump('cali-from-host-endpoint', clear(scratch0)),
        act('accept', set(accept)),
      ],
    },
    {
      table: 'raw',
      name: 'cali-OUTPUT',
      rules: [clearAll(context), jump('cali-to-host-endpoint'), ...notrack, act('accept', set(accept))],
    },
  ];
}

function mangleChains(context: StaticContext): readonly Chain[] {
  const { settings } = context;
  const { accept } = settings.marks;
  const allow = settings.mangleAllow;
  return [
    {
      table: 'mangle',
      name: 'cali-PREROUTING',
      rules: [
        act(allow, { on: 'ct-state', states: ['established', 'related'] }),
        act(allow, set(accept)),
        jump('cali-from-host-endpoint'),
        act(allow, set(accept)),
      ],
    },
    {
      table: 'mangle',
      name: 'cali-POSTROUTING',
      rules: [
        act('return', set(accept)),
        clearAll(context),
        jump('cali-to-host-endpoint', { on: 'dnat' }),
        act('return', set(accept)),
      ],
    },
  ];
}

function filterChains(context: StaticContext): readonly Chain[] {
  const { settings } = context;
  const { accept, pass, scratch0, scratch1 } = settings.marks;
  const allow = settings.filterAllow;
  return [
    {
      table: 'filter',
      name: 'FORWARD',
      rules: [
        jump('cali-FORWARD'),
        act(allow, set(accept)),
        {
          match: [],
          actions: [{ do: 'set-mark', bits: accept }],
          comment: 'Tells mangle POSTROUTING that the packet was forwarded',
        },
      ],
    },
    {
      table: 'filter',
      name: 'cali-INPUT',
      rules: [
        ...tunnelInput(context),
        ...settings.workloadPrefixes.map(
          (prefix): Rule => ({
            match: [on('in', `${prefix}*`)],
            actions: [{ do: 'goto', chain: 'cali-wl-to-host' }],
          }),
        ),
        act(allow, set(accept)),
        clearAll(context),
        jump('cali-from-host-endpoint'),
        act(allow, set(accept)),
      ],
    },
    { table: 'filter', name: 'cali-wl-to-host', rules: workloadToHost(context) },
    {
      table: 'filter',
      name: 'cali-FORWARD',
      rules: [
        // What an untracked or preDNAT policy accepted stays accepted by the host.
        { match: [], actions: [{ do: 'clear-mark', bits: pass + scratch0 + scratch1 }] },
        jump('cali-from-hep-forward', clear(accept)),
        ...settings.workloadPrefixes.flatMap((prefix) => [
          jump('cali-from-wl-dispatch', on('in', `${prefix}*`)),
          jump('cali-to-wl-dispatch', on('out', `${prefix}*`)),
        ]),
        jump('cali-to-hep-forward'),
        jump('cali-cidr-block'),
      ],
    },
    {
      table: 'filter',
      name: 'cali-OUTPUT',
      rules: [
        act(allow, set(accept)),
        ...settings.workloadPrefixes.map((prefix) => act('return', on('out', `${prefix}*`))),
        ...tunnelOutput(context),
        clearAll(context),
        jump('cali-to-host-endpoint', { on: 'dnat', not: true }),
        act(allow, set(accept)),
      ],
    },
  ];
}

function tunnelInput(context: StaticContext): readonly Rule[] {
  const { version, settings, encapsulation } = context;
  const local: Match = { on: 'local', side: 'destination' };
  const hosts = (set: string): Match => ({
    on: 'set',
    side: 'source',
    set: setName(set, version, settings.dataplane),
  });
  const rules: Rule[] = [];
  if (version === 4 && encapsulation.ipip) {
    const ipip: Match = { on: 'protocol', protocol: 4 };
    rules.push(act(settings.filterAllow, ipip, hosts('all-hosts-net'), local));
    rules.push({
      match: [ipip],
      actions: [denyAction(settings, 'filter')],
      comment: 'Drop IPIP packets from non-Calico hosts',
    });
  }
  if (vxlanOn(context)) {
    rules.push(act(settings.filterAllow, ...vxlanPort(context), hosts('all-vxlan-net'), local));
    rules.push({
      match: [...vxlanPort(context), local],
      actions: [denyAction(settings, 'filter')],
      comment: 'Drop VXLAN packets from non-allowed hosts',
    });
  }
  return rules;
}

function tunnelOutput(context: StaticContext): readonly Rule[] {
  const { version, settings, encapsulation } = context;
  const local: Match = { on: 'local', side: 'source' };
  const hosts = (set: string): Match => ({
    on: 'set',
    side: 'destination',
    set: setName(set, version, settings.dataplane),
  });
  const rules: Rule[] = [];
  if (version === 4 && encapsulation.ipip) {
    rules.push(act(settings.filterAllow, { on: 'protocol', protocol: 4 }, hosts('all-hosts-net'), local));
  }
  if (vxlanOn(context)) {
    rules.push(act(settings.filterAllow, ...vxlanPort(context), hosts('all-vxlan-net'), local));
  }
  return rules;
}

function workloadToHost({ version, settings }: StaticContext): readonly Rule[] {
  const rules: Rule[] = [];
  if (version === 6) {
    // Neighbour discovery and multicast listening: without them no policy could be met at all.
    for (const type of [130, 131, 132, 133, 135, 136]) {
      rules.push(act(settings.filterAllow, { on: 'protocol', protocol: 58 }, { on: 'icmp', type }));
    }
  }
  rules.push(jump('cali-from-wl-dispatch'));
  // DROP means drop, whatever the deny action is.
  const action: Action = { do: settings.endpointToHost };
  rules.push({ match: [], actions: [action], comment: 'Configured DefaultEndpointToHostAction' });
  return rules;
}

function dispatchersOf(context: StaticContext): readonly Chain[] {
  const { settings } = context;
  return dispatchChains.map(({ table, name, by }) => {
    const rules: Rule[] = [];
    if (table === 'mangle' && by === 'out') {
      for (const prefix of settings.workloadPrefixes) rules.push(act('return', on('out', `${prefix}*`)));
    }
    rules.push({ match: [], actions: [{ do: 'dispatch', by, map: name }] });
    if (name.endsWith('-wl-dispatch')) {
      rules.push({
        match: [],
        actions: [denyAction(settings, 'filter')],
        comment: 'Unknown interface',
      });
    } else if (table === 'mangle' && by === 'in' ? context.anyPreDnat : context.anyHostEndpoint) {
      rules.push(...anyEndpoint(table, name, settings));
    }
    return { table, name, rules };
  });
}

/** What no endpoint of its own covers goes to the `*` endpoint, except where that has no chain. */
function anyEndpoint(table: Table, name: string, settings: RuleSettings): readonly Rule[] {
  if (table === 'raw') return [];
  const prefix = {
    'cali-from-host-endpoint': 'cali-fh-',
    'cali-to-host-endpoint': 'cali-th-',
    'cali-from-hep-forward': 'cali-fhfw-',
    'cali-to-hep-forward': 'cali-thfw-',
  }[name];
  if (prefix === undefined) return [];
  const skip =
    name === 'cali-to-hep-forward'
      ? settings.workloadPrefixes.map((workload) => act('return', on('out', `${workload}*`)))
      : [];
  return [
    ...skip,
    { match: [], actions: [{ do: 'goto', chain: hostChainName(prefix, anyInterface, settings) }] },
  ];
}

/** Name of an interface's chain. */
export function hostChainName(prefix: string, name: string, settings: RuleSettings): string {
  return chainName(prefix, name, chainNameLimit(settings.dataplane));
}

function failsafes({ version, settings }: StaticContext): readonly Chain[] {
  const rule = (failsafe: Failsafe, side: 'source' | 'destination', peer: 'source' | 'destination') => {
    if (failsafe.net !== undefined && failsafe.net.includes(':') !== (version === 6)) return [];
    const port = { first: failsafe.port, last: failsafe.port };
    const nets: Match[] =
      failsafe.net === undefined ? [] : [{ on: 'nets', side: peer, nets: [failsafe.net] }];
    return [
      act('accept', { on: 'protocol', protocol: failsafe.protocol === 'tcp' ? 6 : 17 }, ...nets, {
        on: 'ports',
        side,
        ports: [port],
      }),
    ];
  };
  const inward = settings.failsafeIn.flatMap((one) => rule(one, 'destination', 'source'));
  const outward = settings.failsafeOut.flatMap((one) => rule(one, 'destination', 'destination'));
  // Untracked packets have no connection that would let the answers through.
  const answersIn = settings.failsafeOut.flatMap((one) => rule(one, 'source', 'source'));
  const answersOut = settings.failsafeIn.flatMap((one) => rule(one, 'source', 'destination'));
  return (['raw', 'mangle', 'filter'] as const).flatMap((table) => [
    { table, name: 'cali-failsafe-in', rules: table === 'raw' ? [...inward, ...answersIn] : inward },
    { table, name: 'cali-failsafe-out', rules: table === 'raw' ? [...outward, ...answersOut] : outward },
  ]);
}

function serviceLoop({ version, settings, serviceCidrs }: StaticContext): readonly Rule[] {
  if (settings.serviceLoop === 'disabled') return [];
  const action: Action = { do: settings.serviceLoop };
  return serviceCidrs
    .filter((cidr) => cidr.includes(':') === (version === 6))
    .map((cidr) => ({
      match: [{ on: 'nets', side: 'destination', nets: [cidr] }],
      actions: [action],
    }));
}
