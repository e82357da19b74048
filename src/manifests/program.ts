/** `calico k8s`: manifests of a cluster from its inventory, and the definitions of the custom resources. */
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { CalicoError, messageOf } from '../errors.ts';
import { type ClusterPlan, planCluster } from '../kubespray/index.ts';
import { customResourceDefinitions } from './crd.ts';
import { manifestObjects } from './objects.ts';

const usage = `usage: calico k8s manifests -i PATH [-i PATH …] [--image IMAGE] [-e VARS …]
       calico k8s crds

manifests: what a Kubespray inventory's cluster needs: accounts with the verbs they use and no other, configuration,
calico-node and kube-controllers; with the Kubernetes datastore also the custom resource definitions.
crds: the definitions alone. Both write YAML for \`kubectl apply -f -\`.
`;

/** Image of the manifests unless another is named: built from this repository, served by no registry. */
const defaultImage = 'localhost/calico-ts:latest';

/** Runs the program. */
export async function manifestsProgram(argv: readonly string[]): Promise<number> {
  const [word, ...rest] = argv;
  try {
    if (word === 'crds' && rest.length === 0) {
      process.stdout.write(yamlOf(customResourceDefinitions()));
      return 0;
    }
    if (word === 'manifests') {
      const { values } = parseArgs({
        args: rest,
        options: {
          inventory: { type: 'string', short: 'i', multiple: true, default: [] },
          image: { type: 'string', default: defaultImage },
        },
      });
      if (values.inventory.length === 0) throw new CalicoError('USAGE', 'name an inventory with -i');
      const { plan, findings } = planCluster(values.inventory);
      const errors = findings.filter(({ severity }) => severity === 'error');
      for (const { message, cure } of errors)
        process.stderr.write(`${message}${cure === undefined ? '' : `\n  ${cure}`}\n`);
      if (errors.length > 0) return 1;
      process.stdout.write(yamlOf(manifestsOf(plan, values.image)));
      return 0;
    }
  } catch (error) {
    process.stderr.write(`calico k8s: ${messageOf(error)}\n`);
    return error instanceof CalicoError && error.code === 'USAGE' ? 2 : 1;
  }
  const asked = word === undefined || /^(-h|--help|help)$/.test(word);
  (asked ? process.stdout : process.stderr).write(usage);
  return asked ? 0 : 2;
}

/** All objects of a plan, in the order in which they are to be applied. */
export function manifestsOf(plan: ClusterPlan, image: string): readonly Readonly<Record<string, unknown>>[] {
  const list = plan.hosts.flatMap(({ files }) =>
    files.flatMap((file) =>
      file.kind === 'content' && file.path.endsWith('.conflist') ? [file.content] : [],
    ),
  )[0];
  if (list === undefined)
    throw new CalicoError('INPUT', 'the inventory has no host that runs pods: there is no CNI configuration');
  const value = (name: string) => {
    const entry = plan.daemonEnvironment.find((one) => one.name === name);
    return entry && 'value' in entry ? entry.value : undefined;
  };
  const certificate = value('ETCD_CERT_FILE');
  const objects = manifestObjects({
    datastore: plan.datastore,
    image,
    nodeEnvironment: plan.daemonEnvironment,
    cniNetworkConfig: list,
    etcdEndpoints: value('ETCD_ENDPOINTS') ?? plan.etcd?.endpoints.join(',') ?? '',
    ...(certificate === undefined
      ? {}
      : { etcdCertificates: certificate.slice(0, certificate.lastIndexOf('/')) }),
  });
  return plan.datastore === 'kdd' ? [...customResourceDefinitions(), ...objects] : objects;
}

/** A stream of documents. */
export function yamlOf(objects: readonly unknown[]): string {
  return objects
    .map((object) => `---\n${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })}`)
    .join('');
}
