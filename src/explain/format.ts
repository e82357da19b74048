/** An explanation for people. */
import { protocolName } from '../policy/index.ts';
import type { Crossed, ExplainedStep, Explanation } from './explain.ts';

/** Several lines of text. */
export function formatExplanation({ verdict, packet, path, answer, hints }: Explanation): string {
  const { source, destination, protocol, destinationPort, icmpType } = packet;
  const what = destinationPort ?? icmpType;
  const lines = [
    `${verdict.toUpperCase()}  ${source} > ${destination} ${protocolName(protocol)}${what === undefined ? '' : `/${what}`}`,
    '',
    ...path.flatMap((one) => crossedLines(one)),
  ];
  if (answer?.some((one) => one.verdict !== 'accept')) {
    lines.push('', 'Answer', ...answer.flatMap((one) => crossedLines(one)));
  }
  if (path.length === 0) lines.push('  No host of this cluster sees the packet.');
  if (hints.length > 0) lines.push('', 'Hints', ...hints.map((hint) => `  - ${hint}`));
  return `${lines.join('\n')}\n`;
}

function crossedLines(one: Crossed): readonly string[] {
  const from = one.inInterface ?? 'a process';
  const to = one.outInterface ?? 'a process';
  const lines = [`${one.host}: ${from} -> ${to}   ${one.source} > ${one.destination}   ${one.verdict}`];
  for (const step of one.trace) lines.push(...stepLines(step));
  if (one.verdict === 'accept' && one.via !== undefined) lines.push(`    leaves by ${one.via}`);
  if (one.verdict === 'accept' && one.masqueradedTo !== undefined) {
    lines.push(`    source becomes ${one.masqueradedTo} (pool with natOutgoing)`);
  }
  return lines;
}

function stepLines({ hook, by, direction, verdict, steps }: ExplainedStep): readonly string[] {
  const lines = [`    ${hook.padEnd(12)}${by}${direction === undefined ? '' : `, ${direction}`}: ${verdict}`];
  for (const { tier, policy, profile, rule, result, end, rendered } of steps) {
    const where =
      policy !== undefined
        ? `tier ${tier}, ${policyName(policy)}`
        : profile !== undefined
          ? `profile ${profile}`
          : undefined;
    if (end === 'tier') lines.push(`        end of tier ${tier}: deny`);
    else if (end === 'profiles') lines.push('        no profile decided: deny');
    else if (end === 'no-policy') lines.push('        no policy for forwarded traffic: allow');
    else if (rule === undefined) lines.push(`        ${where}: no rule matched`);
    else lines.push(`        ${where}, rule ${rule + 1}: ${result}`);
    for (const line of rendered ?? []) lines.push(`            ${line}`);
  }
  return lines;
}

/** `GlobalNetworkPolicy(name)`, `NetworkPolicy(namespace/name)`. */
export function policyName(key: string): string {
  const [kind, namespace, ...rest] = key.split('/');
  const name = rest.join('/');
  return `${kind}(${namespace ? `${namespace}/` : ''}${name})`;
}
