/** The columns of `get`'s tables, kind by kind (upstream: calicoctl/resourcemgr/*.go). */
import type { Resource } from '../../resources/index.ts';
import { inRelease } from '../grammar/help.ts';
import type { Release } from '../release.ts';
import { goFloat, goPrint, joinAndTruncate, mapPairs } from './go-value.ts';

/** What cells need beside the object. */
export interface ColumnContext {
  /** AS number of the cluster as text: `64512` unless BGPConfiguration `default` says otherwise. */
  readonly asNumber: string;
}

/** A column; `table` says where it stands without being asked for. */
interface Column {
  readonly heading: string;
  readonly cell: (resource: Resource, context: ColumnContext) => string;
  readonly table: 'ps' | 'wide' | 'custom';
  readonly since?: number;
}

type Spec = Readonly<Record<string, unknown>>;
type Cell = (spec: Spec, resource: Resource, context: ColumnContext) => string;

function column(heading: string, cell: Cell, table: Column['table'] = 'ps', since?: number): Column {
  const made: Column = {
    heading,
    cell: (resource, context) => cell(resource.spec ?? {}, resource, context),
    table,
  };
  return since === undefined ? made : { ...made, since };
}

const text =
  (name: string, zero = ''): Cell =>
  (spec) =>
    String(spec[name] ?? zero);
const bool = (name: string): Cell => text(name, 'false');
const optional =
  (name: string): Cell =>
  (spec) => {
    const value = spec[name];
    return value === undefined || value === null
      ? '<nil>'
      : typeof value === 'number'
        ? goFloat(value)
        : String(value);
  };
const mode =
  (name: string): Cell =>
  (spec) =>
    String(spec[name] || 'Never');
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(goPrint) : []);
const joined =
  (name: string): Cell =>
  (spec) =>
    strings(spec[name]).join(',');
const cut =
  (name: string): Cell =>
  (spec) =>
    joinAndTruncate(strings(spec[name]), ',', 80);
const count =
  (name: string): Cell =>
  (spec) =>
    String(strings(spec[name]).length);

const name = column('NAME', (_, resource) => resource.metadata.name ?? '');
const namespace = column('NAMESPACE', (_, resource) => resource.metadata.namespace ?? '', 'custom');

const policyColumns: readonly Column[] = [
  name,
  namespace,
  column('TIER', text('tier'), 'ps', 29),
  column('ORDER', optional('order'), 'wide'),
  column('SELECTOR', text('selector'), 'wide'),
];

function bgpOf(spec: Spec): Spec | undefined {
  const bgp = spec['bgp'];
  return typeof bgp === 'object' && bgp !== null ? (bgp as Spec) : undefined;
}

function natPrint(nat: unknown): string {
  const { internalIP = '', externalIP = '' } = (nat ?? {}) as Record<string, string>;
  return `{${internalIP} ${externalIP}}`;
}

const columns: Readonly<Record<string, readonly Column[]>> = {
  IPPool: [
    name,
    column('CIDR', text('cidr')),
    column('NAT', bool('natOutgoing'), 'wide'),
    column('IPIPMODE', mode('ipipMode'), 'wide'),
    column('VXLANMODE', mode('vxlanMode'), 'wide'),
    column('DISABLED', bool('disabled'), 'wide'),
    column('DISABLEBGPEXPORT', bool('disableBGPExport'), 'wide', 21),
    column('SELECTOR', text('nodeSelector')),
    column('ASSIGNMENTMODE', text('assignmentMode', '<nil>'), 'wide', 30),
  ],
  WorkloadEndpoint: [
    { ...name, table: 'wide' },
    namespace,
    column('ORCHESTRATOR', text('orchestrator'), 'custom'),
    column('WORKLOAD', (spec) => String(spec['workload'] || spec['pod'] || '')),
    column('NODE', text('node')),
    column('NETWORKS', joined('ipNetworks')),
    column('INTERFACE', text('interfaceName')),
    column('PROFILES', joined('profiles'), 'wide'),
    column(
      'NATS',
      (spec) => (Array.isArray(spec['ipNATs']) ? spec['ipNATs'].map(natPrint).join(',') : ''),
      'wide',
    ),
  ],
  HostEndpoint: [
    name,
    column('NODE', text('node')),
    column('INTERFACE', text('interfaceName'), 'wide'),
    column('IPS', joined('expectedIPs'), 'wide'),
    column('PROFILES', joined('profiles'), 'wide'),
  ],
  Node: [
    name,
    column(
      'ASN',
      (spec, _, context) => {
        const bgp = bgpOf(spec);
        return bgp ? String(bgp['asNumber'] ?? `(${context.asNumber})`) : '';
      },
      'wide',
    ),
    column('IPV4', (spec) => String(bgpOf(spec)?.['ipv4Address'] ?? ''), 'wide'),
    column('IPV6', (spec) => String(bgpOf(spec)?.['ipv6Address'] ?? ''), 'wide'),
  ],
  BGPPeer: [
    name,
    column('PEERIP', text('peerIP')),
    column('NODE', (spec) => String(spec['node'] || spec['nodeSelector'] || '(global)')),
    column('ASN', text('asNumber', '0')),
  ],
  BGPConfiguration: [
    name,
    column('LOGSEVERITY', text('logSeverityScreen')),
    column('MESHENABLED', (spec) => String(spec['nodeToNodeMeshEnabled'] ?? '-')),
    column('ASNUMBER', (spec) => String(spec['asNumber'] ?? '-')),
  ],
  ClusterInformation: [
    name,
    column('CLUSTERGUID', text('clusterGUID')),
    column('CLUSTERTYPE', text('clusterType')),
    column('CALICOVERSION', text('calicoVersion')),
    column('DATASTOREREADY', optional('datastoreReady')),
  ],
  NetworkPolicy: policyColumns,
  StagedNetworkPolicy: policyColumns,
  GlobalNetworkPolicy: policyColumns.filter((one) => one !== namespace),
  StagedGlobalNetworkPolicy: policyColumns.filter((one) => one !== namespace),
  StagedKubernetesNetworkPolicy: [
    name,
    namespace,
    column('PODSELECTOR', (spec) => goPrint(spec['podSelector']), 'wide'),
  ],
  NetworkSet: [name, namespace, column('NETS', cut('nets'), 'wide')],
  GlobalNetworkSet: [name, column('NETS', cut('nets'), 'wide')],
  Profile: [
    name,
    column(
      'LABELS',
      (spec) =>
        joinAndTruncate(mapPairs(spec['labelsToApply'] as Record<string, string> | undefined), ',', 80),
      'wide',
    ),
  ],
  BGPFilter: [
    name,
    column('NUMEXPORTV4', count('exportV4')),
    column('NUMIMPORTV4', count('importV4')),
    column('NUMEXPORTV6', count('exportV6')),
    column('NUMIMPORTV6', count('importV6')),
  ],
  IPReservation: [name, column('CIDRS', cut('reservedCIDRs'), 'wide')],
  Tier: [name, column('ORDER', optional('order'))],
};

/** Headings of a kind's table, in order; `custom` gives all there are. */
export function headingsOf(
  kind: string,
  table: 'ps' | 'wide' | 'custom',
  release: Release,
): readonly string[] {
  return columnsOf(kind, release)
    .filter((one) => table === 'custom' || one.table === 'ps' || (table === 'wide' && one.table === 'wide'))
    .map((one) => one.heading);
}

/** Cells of an object below the given headings. */
export function cellsOf(
  resource: Resource,
  headings: readonly string[],
  context: ColumnContext,
  release: Release,
): readonly string[] {
  return rowMaker(resource.kind, headings, context, release)(resource);
}

/** Makes the cells of many objects of a kind below the given headings. */
export function rowMaker(
  kind: string,
  headings: readonly string[],
  context: ColumnContext,
  release: Release,
): (resource: Resource) => readonly string[] {
  const all = columnsOf(kind, release);
  const chosen = headings.map((heading) =>
    heading === 'NAMESPACE' ? namespace : all.find((one) => one.heading === heading),
  );
  return (resource) => chosen.map((one) => one?.cell(resource, context) ?? '');
}

function columnsOf(kind: string, release: Release): readonly Column[] {
  return (columns[kind] ?? [name]).filter((one) => inRelease(release, one));
}
