/** The etcd cluster of a lab: one process per member, with the certificates and names that Kubespray gives them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EtcdClient, KvDatastore } from '../../datastore/index.ts';
import type { ClusterPlan } from '../../kubespray/index.ts';
import type { LabEtcdMember } from '../topology.ts';
import { etcdCertificates, hostPath } from './host-files.ts';

/** Command line of a member. */
export function etcdCommand(member: LabEtcdMember, members: readonly LabEtcdMember[]): readonly string[] {
  const client = `https://${member.address}:2379`;
  const peer = (one: LabEtcdMember) => `https://${one.address}:2380`;
  const at = (name: string) => `${etcdCertificates}/${name}`;
  const cert = at(`member-${member.host}.pem`);
  const key = at(`member-${member.host}-key.pem`);
  const ca = at('ca.pem');
  return [
    'etcd',
    ...['--name', member.name, '--data-dir', '/var/lib/etcd'],
    ...['--listen-client-urls', `${client},https://127.0.0.1:2379`, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer(member), '--initial-advertise-peer-urls', peer(member)],
    ...['--initial-cluster', members.map((one) => `${one.name}=${peer(one)}`).join(',')],
    ...['--initial-cluster-token', 'k8s_etcd', '--initial-cluster-state', 'new'],
    ...['--client-cert-auth', '--trusted-ca-file', ca, '--cert-file', cert, '--key-file', key],
    ...[
      '--peer-client-cert-auth',
      '--peer-trusted-ca-file',
      ca,
      '--peer-cert-file',
      cert,
      '--peer-key-file',
      key,
    ],
    ...['--heartbeat-interval', '250', '--election-timeout', '2500'],
    ...['--logger', 'zap', '--log-level', 'warn', '--log-outputs', 'stderr'],
    ...['--auto-compaction-mode', 'periodic', '--auto-compaction-retention', '8h'],
  ];
}

/** The lab's own connection, with the credentials of a host that has some. */
export function openDatastore(plan: ClusterPlan, root: string, host: string): KvDatastore {
  const read = (name: string) => readFileSync(join(hostPath(root, etcdCertificates), name), 'utf8');
  const client = new EtcdClient({
    endpoints: plan.etcd.endpoints,
    tls: { ca: read('ca.pem'), cert: read(`node-${host}.pem`), key: read(`node-${host}-key.pem`) },
  });
  return new KvDatastore('etcd', client);
}
