import { afterAll, beforeAll, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { type Agent, type RuleDataplane, resolveConfig } from '../../src/felix/index.ts';
import { createIptablesDataplane } from '../../src/felix/iptables/index.ts';
import { createNftDataplane } from '../../src/felix/nft/index.ts';
import { ruleSettings } from '../../src/felix/render/index.ts';
import { agentOn, eventually, makeHosts, makePod, put, workload } from './agent-support.ts';

let hosts: ReturnType<typeof makeHosts>;
let removePod: () => void;
const agents: Agent[] = [];
const { config } = resolveConfig({ environment: {} });

const onHost = (command: string, args: readonly string[], input = '') =>
  hosts.h1.namespace.run(() =>
    execFileSync(command, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] }),
  );

beforeAll(() => {
  hosts = makeHosts('agent-s');
  removePod = makePod(hosts.h1, 'agent-s-pod', 'cali00000000001', '10.9.1.1');
});

afterAll(async () => {
  for (const agent of agents) await agent.stop();
  removePod?.();
  hosts?.remove();
});

async function runWith(rules: RuleDataplane): Promise<void> {
  const agent = await agentOn(hosts.h1, 'n1', { rules });
  await agent.apply([put('workload', 'w', workload('pod', 'cali00000000001', '10.9.1.1'))]);
  await agent.programmed('k8s/default/pod/eth0');
  agents.push(agent);
}

const saved = (program: string) => onHost(`${program}-save`, []);

for (const variant of ['legacy', 'nft'] as const) {
  test(`from iptables-${variant} to nftables and back: what was ours goes, what is others' stays`, async () => {
    const program = `iptables-${variant}`;
    const namespace = hosts.h1.namespace;
    onHost(
      `${program}-restore`,
      ['--noflush'],
      '*filter\n:OTHERS - [0:0]\n-A INPUT -s 192.0.2.99 -j OTHERS\nCOMMIT\n',
    );
    onHost('nft', ['add', 'table', 'ip', 'others']);
    await runWith(
      createIptablesDataplane({ settings: ruleSettings(config, 'iptables'), variant, namespace }),
    );
    expect(saved(program)).toContain('cali-fw-cali00000000001');
    await agents.pop()?.stop();

    await runWith(createNftDataplane({ settings: ruleSettings(config, 'nftables'), namespace }));
    await eventually('our chains are gone', () => !saved(program).includes('cali'));
    expect(saved(program)).toContain('-A INPUT -s 192.0.2.99/32 -j OTHERS');
    await eventually('our sets are gone', () => !onHost('ipset', ['list', '-n']).includes('cali'));
    await agents.pop()?.stop();

    await runWith(
      createIptablesDataplane({ settings: ruleSettings(config, 'iptables'), variant, namespace }),
    );
    await eventually('our tables are gone', () => !onHost('nft', ['list', 'tables']).includes('calico'));
    expect(onHost('nft', ['list', 'tables'])).toContain('table ip others');
    expect(saved(program)).toContain('cali-fw-cali00000000001');
    await agents.pop()?.stop();
    onHost('nft', ['flush', 'ruleset']);
  });
}
