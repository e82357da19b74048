/** `ipam configure`: strict affinity, blocks per host, addresses of virtual machines. */
import { messageOf } from '../../../errors.ts';
import { allocatorOf } from '../../client/ipam.ts';
import { type Command, CtlFailure, failure } from '../../command.ts';
import { textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import { withClient } from '../../session.ts';

const strict = {
  spec: '--strictaffinity=<true/false>',
  text: 'Whether nodes may take addresses only from their own blocks.',
};
const maxBlocks = { spec: '--max-blocks-per-host=<N>', text: 'How many blocks a node may have.', since: 30 };
const persistence = {
  spec: '--kubevirt-ip-persistence=<Enabled/Disabled>',
  text: 'Whether virtual machines keep their addresses.',
  since: 32,
};

/** See the module's comment. */
export const configure: Command = {
  name: 'ipam configure',
  summary: 'Configure IPAM.',
  help({ binary, release }) {
    const optional = [sharedOptions.config, sharedOptions.mismatch];
    const own = [strict, maxBlocks, persistence];
    const usage = release.minor < 30 ? '--strictaffinity=<true/false>' : usageOf(release, own);
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`ipam configure ${usage} ${usageOf(release, optional)}`],
      options: [...own, ...optional],
      description: 'Changes the configuration of IPAM; what is not given stays.',
    });
  },
  async run(args, ctl) {
    const affinity = textArg(args, '--strictaffinity') ?? '';
    const blocks = textArg(args, '--max-blocks-per-host') ?? '';
    const keep = textArg(args, '--kubevirt-ip-persistence') ?? '';
    await withClient(args, ctl, async (client) => {
      if (affinity === '' && blocks === '' && keep === '' && ctl.release.minor >= 30) {
        throw new CtlFailure('at least one configuration option must be specified');
      }
      const wantsAffinity = affinity !== '' || ctl.release.minor < 30;
      if (wantsAffinity && !/^(1|0|t|f|T|F|true|false|TRUE|FALSE|True|False)$/.test(affinity)) {
        throw failure(ctl, 'invalid value. Use true or false to set strictaffinity');
      }
      if (blocks !== '' && !/^[-+]?\d+$/.test(blocks)) {
        throw new CtlFailure('invalid value for maxblockhost. Use a valid number');
      }
      if (keep !== '' && keep !== 'Enabled' && keep !== 'Disabled') {
        throw new CtlFailure('invalid value for --kubevirt-ip-persistence. Use Enabled or Disabled');
      }
      const strictAffinity = /^(1|t|true)$/i.test(affinity);
      const maxBlocksPerHost = Number(blocks);
      try {
        await allocatorOf(client).setConfig(
          {
            ...(wantsAffinity ? { strictAffinity } : {}),
            ...(blocks === '' ? {} : { maxBlocksPerHost }),
          },
          ctl.release.minor < 32 ? { initial: {} } : {},
        );
        if (keep !== '') {
          const stored = await client.store.get({ type: 'ipam-config' });
          const value = { ...(stored?.value as object), kubeVirtVMAddressPersistence: keep };
          await client.store.put({ type: 'ipam-config' }, value);
        }
      } catch (error) {
        throw new CtlFailure(`error: ${messageOf(error)}`);
      }
      if (wantsAffinity) ctl.io.stdout(`Successfully set StrictAffinity to: ${strictAffinity}\n`);
      if (blocks !== '') ctl.io.stdout(`Successfully set MaxBlocksPerHost to: ${maxBlocksPerHost}\n`);
      if (keep !== '') ctl.io.stdout(`Successfully set KubeVirtVMAddressPersistence to: ${keep}\n`);
    });
    return undefined;
  },
};
