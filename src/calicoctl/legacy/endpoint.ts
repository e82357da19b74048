/** `calicoctl endpoint …`. */
import type { Resource } from '../../resources/index.ts';
import { updateResource } from '../client/actions.ts';
import { type Args, flagArg, listArg, textArg } from '../grammar/docopt.ts';
import { type LegacyCommand, legacyFailure, sortedRows, withStore } from './legacy-command.ts';
import { prettyTable } from './pretty-table.ts';

/** The words by which old releases told endpoints apart. */
interface EndpointId {
  readonly host: string;
  readonly orchestrator: string;
  readonly workload: string;
  readonly endpoint: string;
}

/** Identity of an endpoint in the words of old releases. */
export function endpointId({ spec, metadata }: Resource): EndpointId {
  const pod = spec['pod'] ? `${metadata.namespace}/${spec['pod']}` : '';
  return {
    host: String(spec['node'] ?? ''),
    orchestrator: String(spec['orchestrator'] ?? ''),
    workload: String(spec['workload'] || pod || spec['containerID'] || ''),
    endpoint: String(spec['endpoint'] ?? ''),
  };
}

/** See the module's comment. */
export const endpointCommands: readonly LegacyCommand[] = [
  {
    usage:
      'endpoint show [--host=<HOSTNAME>] [--orchestrator=<ORCHESTRATOR_ID>] [--workload=<WORKLOAD_ID>] [--endpoint=<ENDPOINT_ID>] [--detailed]',
    today: 'get workloadEndpoint -A -o wide',
    async run(args, ctl) {
      const all = await withStore(ctl, async (client) => (await client.list('WorkloadEndpoint')).items);
      const endpoints = all.filter((one) => isWanted(endpointId(one), args));
      const table = flagArg(args, '--detailed') ? detailed(endpoints) : summary(endpoints);
      ctl.io.stdout(`${table}\n`);
      return undefined;
    },
  },
  {
    usage: 'endpoint <ENDPOINT_ID> profile show',
    today: 'get workloadEndpoint <name> -o yaml',
    async run(args, ctl) {
      const profiles = await withStore(ctl, async (client) =>
        profilesOf(findEndpoint((await client.list('WorkloadEndpoint')).items, args)),
      );
      ctl.io.stdout(
        prettyTable(
          ['Name'],
          profiles.map((name) => [name]),
        ),
      );
      return undefined;
    },
  },
  ...(['append', 'remove', 'set'] as const).map(
    (verb): LegacyCommand => ({
      usage: `endpoint <ENDPOINT_ID> profile ${verb} [<PROFILES>...]`,
      today: 'patch workloadEndpoint <name> -p \'{"spec":{"profiles":[…]}}\'',
      async run(args, ctl) {
        const given = listArg(args, '<PROFILES>');
        await withStore(ctl, async (client) => {
          const endpoint = findEndpoint((await client.list('WorkloadEndpoint')).items, args);
          const before = profilesOf(endpoint);
          const profiles =
            verb === 'append'
              ? [...before, ...given]
              : verb === 'set'
                ? given
                : before.filter((name) => !given.includes(name));
          await updateResource(client, { ...endpoint, spec: { ...endpoint.spec, profiles } });
        });
        ctl.io.stdout(`${resultText(verb, given)}\n`);
        return undefined;
      },
    }),
  ),
];

function resultText(verb: 'append' | 'remove' | 'set', profiles: readonly string[]): string {
  if (verb === 'append') return `Profile(s) ${profiles.join(', ')} appended.`;
  if (verb === 'remove') return `Profile(s) ${profiles.join(',')} removed.`;
  return profiles.length === 0
    ? 'Removed all profiles from endpoint.'
    : `Profile(s) set to ${profiles.join(', ')}.`;
}

function isWanted(id: EndpointId, args: Args): boolean {
  const matches = (option: string, value: string): boolean => {
    const wanted = textArg(args, option);
    return wanted === undefined || wanted === value;
  };
  return (
    matches('--host', id.host) &&
    matches('--orchestrator', id.orchestrator) &&
    matches('--workload', id.workload) &&
    matches('--endpoint', id.endpoint)
  );
}

function findEndpoint(all: readonly Resource[], args: Args): Resource {
  const id = textArg(args, '<ENDPOINT_ID>') ?? '';
  const found = all.filter((one) => endpointId(one).endpoint === id || one.metadata.name === id);
  if (found.length === 1) return found[0]!;
  throw legacyFailure(
    found.length === 0 ? 'Failed to find endpoint.' : 'More than 1 endpoint matches: use its full name.',
  );
}

function profilesOf(endpoint: Resource): readonly string[] {
  return (endpoint.spec['profiles'] as readonly string[] | undefined) ?? [];
}

function detailed(endpoints: readonly Resource[]): string {
  const rows = endpoints.map((endpoint) => {
    const { host, orchestrator, workload, endpoint: name } = endpointId(endpoint);
    const addresses = ((endpoint.spec['ipNetworks'] as readonly string[] | undefined) ?? []).join('\n');
    return [
      host,
      orchestrator,
      workload,
      name,
      addresses,
      String(endpoint.spec['mac'] ?? ''),
      profilesOf(endpoint).join(','),
      'active',
    ];
  });
  return prettyTable(
    ['Hostname', 'Orchestrator ID', 'Workload ID', 'Endpoint ID', 'Addresses', 'MAC', 'Profiles', 'State'],
    sortedRows(rows),
  );
}

function summary(endpoints: readonly Resource[]): string {
  const groups = new Map<string, { readonly workloads: Set<string>; count: number }>();
  for (const one of endpoints) {
    const { host, orchestrator, workload } = endpointId(one);
    const key = `${host}\0${orchestrator}`;
    const group = groups.get(key) ?? { workloads: new Set<string>(), count: 0 };
    group.workloads.add(workload);
    group.count++;
    groups.set(key, group);
  }
  const rows = [...groups].map(([key, group]) => [
    ...key.split('\0'),
    String(group.workloads.size),
    String(group.count),
  ]);
  return prettyTable(
    ['Hostname', 'Orchestrator ID', 'Number of Workloads', 'Number of Endpoints'],
    sortedRows(rows),
  );
}
