/** `ipam release`: one address, or everything that reports of `ipam check` call leaked. */

import { parseJson } from '../../../datastore/index.ts';
import type { Json } from '../../../datastore/port.ts';
import { messageOf } from '../../../errors.ts';
import type { ReleaseRequest } from '../../../ipam/index.ts';
import type { ResourceClient } from '../../client/client.ts';
import { allocatorOf } from '../../client/ipam.ts';
import { type Command, type Ctl, CtlFailure } from '../../command.ts';
import { flagArg, listArg, textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import { InputError } from '../../input/errors.ts';
import { readTextFile } from '../../input/files.ts';
import { withClient } from '../../session.ts';
import type { IpamReport, LeakedHandle } from './report.ts';
import { requireAddress } from './show.ts';

const address = { spec: '--ip=<IP>', text: 'Address to release.' };
const fromReport = {
  spec: '--from-report=<REPORT>',
  text: 'Release what the report calls leaked. With several reports: what all of them call leaked.',
  since: 18,
};
const force = { spec: '--force', text: 'Release although the datastore is not locked.', since: 18 };

/** See the module's comment. */
export const release: Command = {
  name: 'ipam release',
  summary: 'Release addresses.',
  help({ binary, release: spoken }) {
    const optional = [sharedOptions.config, sharedOptions.mismatch];
    const usage = spoken.minor < 18 ? '--ip=<IP>' : '[--ip=<IP>] [--from-report=<REPORT>]... [--force]';
    return helpText({
      binary,
      release: spoken,
      datastore: true,
      usage: [`ipam release ${usage} ${usageOf(spoken, optional)}`],
      options: [address, fromReport, force, ...optional],
      description: `Releases an address that nothing uses any more. The handle and the affinity of its block
are cleaned up with it. An address that is still in use by a workload is given out again:
make sure that it is not.`,
    });
  },
  async run(args, ctl) {
    const reports = listArg(args, '--from-report');
    const ip = textArg(args, '--ip');
    await withClient(args, ctl, async (client) => {
      if (reports.length > 0) await releaseFromReports(client, reports, flagArg(args, '--force'), ctl);
      else if (ip !== undefined) await releaseOne(client, ip, ctl);
    });
    return undefined;
  },
};

async function releaseOne(client: ResourceClient, ip: string, ctl: Ctl): Promise<void> {
  const wanted = requireAddress(ip);
  const result = await (async () => {
    try {
      return await allocatorOf(client).releaseIps([{ address: wanted }]);
    } catch (error) {
      throw new CtlFailure(`error: ${messageOf(error)}`);
    }
  })();
  if (result.released.length === 0) throw new CtlFailure(`IP address ${wanted} is not assigned`);
  ctl.io.stdout(`Successfully released IP address ${wanted}\n`);
}

async function releaseFromReports(
  client: ResourceClient,
  files: readonly string[],
  forced: boolean,
  ctl: Ctl,
): Promise<void> {
  const information = await client.get({ kind: 'ClusterInformation', name: 'default' });
  const reports = files.map((file) => {
    const report = readReport(file, ctl);
    if (report.clusterGUID !== information.spec['clusterGUID']) {
      throw new CtlFailure(
        `cluster does not match the provided report (${file}): mismatched cluster GUID. Refusing to release`,
      );
    }
    if (report.version !== ctl.release.version) {
      if (!forced) {
        throw new CtlFailure(
          `the provided report (${file}) was produced using a different version (${report.version}) of calicoctl. Refusing to release`,
        );
      }
      ctl.io.stdout(
        'WARNING: Report was produced using a different version of calicoctl. Ignoring due to --force option\n',
      );
    }
    return report;
  });
  const revision = information.metadata.resourceVersion;
  if (!reports.some((report) => String(report.clusterInformationRevision) === revision)) {
    throw new CtlFailure(
      'the provided reports are all stale - at least one should be up-to-date. Please generate a new report while the data store is locked and try again',
    );
  }
  if (information.spec['datastoreReady'] !== false) {
    if (!forced) {
      throw new CtlFailure('data store is not locked. Either lock the data store, or re-run with --force');
    }
    ctl.io.stdout('WARNING: Data store is not locked. Ignoring due to --force option\n');
  }
  await releaseAddresses(client, leakedInAll(reports), ctl);
  await deleteHandles(client, handlesInAll(reports), ctl);
  ctl.io.stdout('You may now unlock the data store.\n');
}

function readReport(file: string, ctl: Ctl): IpamReport {
  let text: string;
  try {
    text = readTextFile(file, ctl);
  } catch (error) {
    throw error instanceof InputError ? new CtlFailure(error.message) : error;
  }
  let json: Json;
  try {
    json = parseJson(text);
  } catch {
    throw new CtlFailure('unexpected end of JSON input');
  }
  if (typeof json !== 'object' || json === null)
    throw new CtlFailure(`${file} is not a report of ipam check`);
  return json as unknown as IpamReport;
}

/** Addresses that no report calls used; the last report's holder must still hold them. */
function leakedInAll(reports: readonly IpamReport[]): readonly ReleaseRequest[] {
  let found: Map<string, ReleaseRequest> | undefined;
  for (const report of reports) {
    const merged = new Map<string, ReleaseRequest>();
    for (const allocation of Object.values(report.allocations ?? {}).flat()) {
      if (allocation.inUse || (found && !found.has(allocation.ip))) continue;
      merged.set(allocation.ip, {
        address: allocation.ip,
        sequence: BigInt(allocation.sequenceNumber),
        ...(allocation.handle ? { handle: allocation.handle } : {}),
      });
    }
    found = merged;
  }
  return [...(found ?? new Map()).values()];
}

function handlesInAll(reports: readonly IpamReport[]): readonly LeakedHandle[] {
  let found: Map<string, LeakedHandle> | undefined;
  for (const report of reports) {
    const merged = new Map<string, LeakedHandle>();
    for (const handle of report.leakedHandles ?? []) {
      if (!found || found.get(handle.ID)?.Revision === handle.Revision) merged.set(handle.ID, handle);
    }
    found = merged;
  }
  return [...(found ?? new Map()).values()];
}

async function releaseAddresses(
  client: ResourceClient,
  requests: readonly ReleaseRequest[],
  ctl: Ctl,
): Promise<void> {
  if (requests.length === 0) {
    ctl.io.stdout("Report didn't contain any leaked IPs to clean up.\n");
    return;
  }
  ctl.io.stdout(`Releasing ${requests.length} old IPs...\n`);
  const { mismatches, unallocated } = await allocatorOf(client).releaseIps(requests);
  const [mismatch] = mismatches;
  if (mismatch) {
    ctl.io.stdout(
      `An error occurred while releasing some IPs: update conflict: ${mismatch.address}.  Problems are often caused by an out-of-date IPAM report.  Try regenerating the IPAM report and retry.\n`,
    );
  } else ctl.io.stdout(`Released ${requests.length - unallocated.length} IPs successfully\n`);
  if (unallocated.length > 0) {
    ctl.io.stdout(
      `${unallocated.length} addresses marked as leaked in the report had already been cleaned up.\n`,
    );
  }
}

async function deleteHandles(
  client: ResourceClient,
  handles: readonly LeakedHandle[],
  ctl: Ctl,
): Promise<void> {
  if (handles.length === 0) {
    ctl.io.stdout("Report didn't contain any handles to clean up.\n");
    return;
  }
  ctl.io.stdout(
    `Deleting ${handles.length} handles...\nKey: '.' = Deleted OK; 'x' = skip, handle missing/changed.\n`,
  );
  let deleted = 0;
  for (const handle of handles) {
    const result = await client.store.delete(
      { type: 'handle', id: handle.ID },
      { revision: String(handle.Revision) },
    );
    if (result.ok) deleted++;
    ctl.io.stdout(result.ok ? '.' : 'x');
  }
  ctl.io.stdout(`\nReleased ${deleted} handles; ${handles.length - deleted} skipped; 0 errors.\n`);
}
