/** From a configuration to the Kubernetes driver. */
import { CalicoError } from '../../errors.ts';
import { accessOf, HttpTransport, KubernetesClient } from '../../kubernetes-api/index.ts';
import type { ClientConfig } from '../config.ts';
import { formatJson, parseJson } from '../json.ts';
import { KubernetesDatastore } from './kubernetes-datastore.ts';

/** The driver that a configuration names; it connects when first used. @throws CalicoError INPUT */
export async function connectKubernetes(
  config: ClientConfig,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<KubernetesDatastore> {
  const group = config.calicoAPIGroup?.toLowerCase();
  if (group === 'projectcalico.org/v3') {
    throw new CalicoError('UNSUPPORTED', 'custom resources of group projectcalico.org/v3 are not supported', {
      cure: 'Install the definitions of packaging/kubernetes/crds, and leave CALICO_API_GROUP unset.',
    });
  }
  const access = await accessOf(
    {
      kubeconfig: config.kubeconfig,
      kubeconfigInline: config.kubeconfigInline,
      server: config.k8sAPIEndpoint,
      certFile: config.k8sCertFile,
      keyFile: config.k8sKeyFile,
      caFile: config.k8sCAFile,
      token: config.k8sAPIToken,
      context: config.k8sCurrentContext,
      insecure: isTrue(config.k8sInsecureSkipTLSVerify),
    },
    env,
  );
  const client = new KubernetesClient(new HttpTransport(access, { parse: parseJson, format: formatJson }));
  const interfacePrefix = env['FELIX_INTERFACEPREFIX']?.split(',')[0];
  return new KubernetesDatastore(client, {
    usePodCidr: isTrue(config.k8sUsePodCIDR),
    ...(interfacePrefix ? { interfacePrefix } : {}),
  });
}

function isTrue(text: string | undefined): boolean {
  return /^(1|t|true|yes|y)$/i.test(text ?? '');
}
