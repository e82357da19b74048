/** Checks of route reflectors and of the size of the mesh. */
import { tryParseAddress } from '../../ip/index.ts';
import type { Finding } from '../cluster-plan.ts';
import { type Check, finding, listHosts } from './check.ts';

/** Above this many nodes a full mesh is more sessions than it is worth. */
const meshLimit = 100;

/** Cluster ids: on every reflector, IPv4, shared by reflectors of the same clients. */
export const reflectors: Check = ({ view, plan, settings }) => {
  const findings: Finding[] = [];
  const hosts = view.group('reflector');
  const missing = hosts.filter((host) => view.text(host, 'cluster_id') === undefined);
  if (missing.length > 0)
    findings.push(
      finding(
        'error',
        'cluster-id-missing',
        `cluster_id missing on: ${listHosts(missing)}: Kubespray checks only the first control-plane host and fails later with 'cluster_id' is undefined`,
        {
          cure: 'Set cluster_id for the reflectors, for example in [calico-rr:vars] and for the first control-plane host.',
          hosts: missing,
        },
      ),
    );
  for (const host of hosts) {
    const id = view.text(host, 'cluster_id');
    if (id !== undefined && tryParseAddress(id)?.version !== 4)
      findings.push(
        finding(
          'error',
          'cluster-id-format',
          `cluster_id '${id}' of ${host.name} is not an IPv4 address: Calico refuses it`,
          {
            cure: 'Write it like an address, for example "1.0.0.1".',
            hosts: [host],
            at: [view, host, 'cluster_id'],
          },
        ),
      );
  }
  const ids = new Set(hosts.map((host) => view.text(host, 'cluster_id')).filter((one) => one !== undefined));
  if (
    ids.size > 1 &&
    settings.reflectors &&
    !hosts.some((host) => view.text(host, 'calico_rr_id') !== undefined)
  )
    findings.push(
      finding(
        'warning',
        'cluster-id-not-shared',
        `the reflectors have ${ids.size} different cluster ids, though every node peers with all of them: each route is kept once per reflector`,
        {
          cure: 'Give reflectors that serve the same nodes the same cluster_id.',
          hosts,
        },
      ),
    );
  if (hosts.length > 0 && !settings.reflectors)
    findings.push(
      finding(
        'error',
        'rr-flag-off',
        'there are route reflectors, but peer_with_calico_rr is off: they would reflect for nobody and leave the mesh',
        {
          cure: 'Remove peer_with_calico_rr, or the reflectors.',
          at: [view, view.first(), 'peer_with_calico_rr'],
        },
      ),
    );
  if (hosts.length === 1 && settings.reflectors)
    findings.push(
      finding(
        'warning',
        'rr-single',
        `${hosts[0]?.name} is the only route reflector: when it is down, no host learns of new routes`,
        { cure: 'Add a second reflector with the same cluster_id.', hosts },
      ),
    );
  const nodes = plan.hosts.filter((host) => host.runsNode).length;
  if (settings.mesh && settings.backend === 'bird' && nodes > meshLimit)
    findings.push(
      finding(
        'warning',
        'mesh-size',
        `the full mesh of ${nodes} nodes has ${(nodes * (nodes - 1)) / 2} sessions`,
        { cure: `Above ${meshLimit} nodes use two route reflectors: ${2 * (nodes - 2) + 1} sessions.` },
      ),
    );
  return findings;
};
