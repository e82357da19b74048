import { afterAll, beforeAll, expect, test } from 'bun:test';
import { execFile, execFileSync } from 'node:child_process';
import { type Agent, resolveConfig } from '../../src/felix/index.ts';
import { createNftDataplane } from '../../src/felix/nft/index.ts';
import { ruleSettings } from '../../src/felix/render/index.ts';
import { Namespace } from '../../src/linux/index.ts';
import { agentOn, eventually, keepingLog, makeHosts, makePod, put, workload } from './agent-support.ts';

let hosts: ReturnType<typeof makeHosts>;
const removePods: (() => void)[] = [];
let agent: Agent;
const log = keepingLog();

const side = {
  nets: [],
  notNets: [],
  ports: [],
  notPorts: [],
  namedPortSets: [],
  notNamedPortSets: [],
  sets: [],
  notSets: [],
  portSets: [],
};
const rule = (action: string, direction: string) => ({
  action,
  source: side,
  destination: side,
  origin: { direction, index: 0 },
});
const profile = (action: string) =>
  put('profile', 'kns.default', {
    name: 'kns.default',
    inbound: [rule(action, 'ingress')],
    outbound: [rule('allow', 'egress')],
  });
const pod = (n: number) =>
  put('workload', `w${n}`, {
    ...workload(`pod${n}`, `cali0000000000${n}`, `10.9.1.${n}`),
    profiles: ['kns.default'],
  });

const ping = (from: string, to: string) =>
  new Promise<boolean>((resolve) => {
    const namespace = Namespace.open(from);
    namespace.run(() => execFile('ping', ['-c1', '-W1', '-q', to], (error) => resolve(!error)));
    namespace.close();
  });
const onHost = (command: string, ...args: string[]) =>
  hosts.h1.namespace.run(() =>
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
  );

beforeAll(async () => {
  hosts = makeHosts('agent-r');
  for (const n of [1, 2])
    removePods.push(makePod(hosts.h1, `agent-r-pod${n}`, `cali0000000000${n}`, `10.9.1.${n}`));
  const config = resolveConfig({ environment: {} });
  const rules = createNftDataplane({
    settings: ruleSettings(config.config, 'nftables'),
    namespace: hosts.h1.namespace,
    log,
  });
  agent = await agentOn(hosts.h1, 'n1', { config, rules, log });
  await agent.apply([profile('allow'), pod(1), pod(2)]);
});

afterAll(async () => {
  await agent?.stop();
  for (const remove of removePods) remove();
  hosts?.remove();
});

test('endpoints come up with their profile in force', async () => {
  await agent.programmed('k8s/default/pod1/eth0');
  await agent.programmed('k8s/default/pod2/eth0');
  expect(await ping('agent-r-pod1', '10.9.1.2')).toBe(true);
  await agent.apply([profile('deny')]);
  expect(await ping('agent-r-pod1', '10.9.1.2')).toBe(false);
  await agent.apply([profile('allow')]);
  expect(await ping('agent-r-pod2', '10.9.1.1')).toBe(true);
});

test('nft flush ruleset is repaired by event, and logged with what was missing', async () => {
  const before = onHost('nft', 'list', 'chains');
  log.lines.length = 0;
  onHost('nft', 'flush', 'ruleset');
  await eventually('the chains are back', () => onHost('nft', 'list', 'chains') === before);
  await eventually('it is logged', () => /drift repaired: .* missing/.test(log.lines.join('\n')));
  expect(await ping('agent-r-pod1', '10.9.1.2')).toBe(true);
});

test('the tables of others do not wake the agent', async () => {
  log.lines.length = 0;
  onHost('nft', 'add table ip other');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(log.lines.filter((line) => line.includes('drift'))).toEqual([]);
});

test('a rule of somebody in our chain is drift', async () => {
  const before = onHost('nft', 'list', 'ruleset');
  const chain = /chain (\S*cali-fw-cali00000000001)/.exec(before)?.[1] ?? '';
  expect(chain).not.toBe('');
  onHost('nft', 'insert', 'rule', 'ip', 'calico', chain, 'drop');
  await eventually('it is as before', () => onHost('nft', 'list', 'ruleset').length === before.length);
});

test('an endpoint that goes takes its connections along', async () => {
  const flows = () =>
    onHost('conntrack', '-L')
      .split('\n')
      .filter((line) => line.includes('10.9.1.1'));
  expect(await ping('agent-r-pod1', '10.9.1.2')).toBe(true);
  expect(flows()).not.toEqual([]);
  await agent.apply([{ op: 'delete', kind: 'workload', key: 'w1' }]);
  await eventually('its flows are gone', () => flows().length === 0);
});
