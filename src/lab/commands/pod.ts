/** `calico lab pod`. */
import { CalicoError } from '../../errors.ts';
import { ask } from '../client.ts';
import { type LabCommand, parse, print } from './command.ts';

const usage = `Usage: calico lab pod add HOST/POD [--label KEY=VALUE …] [--name NAME] [-o json]
       calico lab pod delete HOST/POD [--name NAME] [-o json]

Adds a pod by calling the CNI plugins as a container runtime does, or removes one.

Examples:
  calico lab pod add node4/web --label role=frontend
  calico lab pod delete node4/web
`;

/** See the usage. */
export const pod: LabCommand = {
  summary: 'add or delete a pod',
  usage,
  run: async (argv) => {
    const parsed = parse(argv, { label: { type: 'string', multiple: true } }, usage);
    const [action, target = ''] = parsed.positionals;
    const [host, name] = target.split('/');
    if ((action !== 'add' && action !== 'delete') || !host || !name) {
      throw new CalicoError('USAGE', 'which pod is to be added or deleted?', { cure: usage.split('\n')[0]! });
    }
    if (action === 'delete') {
      await ask(parsed.state, { op: 'pod-delete', host, name }, 'done');
      print(parsed.json ? `${JSON.stringify({ host, name, deleted: true })}\n` : `deleted ${target}\n`);
      return 0;
    }
    const labels = Object.fromEntries(
      ((parsed.values['label'] ?? []) as readonly string[]).map((text) => {
        const at = text.indexOf('=');
        if (at < 1) throw new CalicoError('USAGE', `--label ${text} is not KEY=VALUE`);
        return [text.slice(0, at), text.slice(at + 1)];
      }),
    );
    const { pod: added } = await ask(parsed.state, { op: 'pod-add', host, name, labels }, 'pod');
    print(
      parsed.json
        ? `${JSON.stringify(added, null, 2)}\n`
        : `added ${target}: ${added.addresses.join(', ')} on ${added.interface}\n`,
    );
    return 0;
  },
};
