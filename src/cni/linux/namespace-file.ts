/** The file that names a pod's network namespace. */
import { statfsSync } from 'node:fs';
import { Namespace } from '../../linux/index.ts';
import { CniError, cniCode } from '../protocol/cni-error.ts';

const nsfsMagic = 0x6e736673;
const procMagic = 0x9fa0;

/** Opens the namespace; upstream's words when the path is none. @throws CniError */
export function openPodNamespace(path: string): Namespace {
  const problem = namespaceProblem(path);
  if (problem !== undefined) throw new CniError(cniCode.other, problem.message);
  return Namespace.open(path);
}

/** Why the path is no namespace; `missing` tells a vanished one, which a DEL takes for done. */
export function namespaceProblem(
  path: string,
): { readonly missing: boolean; readonly message: string } | undefined {
  let type: number;
  try {
    type = Number(statfsSync(path).type);
  } catch {
    return { missing: true, message: `failed to Statfs "${path}": no such file or directory` };
  }
  if (type === nsfsMagic || type === procMagic) return undefined;
  return { missing: false, message: `unknown FS magic on "${path}": ${(type >>> 0).toString(16)}` };
}
