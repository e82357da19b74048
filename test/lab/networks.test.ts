/** Other networks than the document's, two labs at a time, crashes, and what the kernel cannot do. */
import { afterEach, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { probeKernel } from '../../src/linux/index.ts';
import { documentInventory, TestLab } from './support.ts';

const example = (name: string) => join('src', 'kubespray', 'testdata', name, 'hosts.ini');
const labs: TestLab[] = [];

function newLab(name: string): TestLab {
  const lab = new TestLab(name);
  labs.push(lab);
  return lab;
}

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

test('a mesh over two subnets: VXLAN between them, plain routes within', async () => {
  const lab = newLab('vxlan');
  await lab.up(example('mesh6-vxlan'));
  const { differences, areas } = await lab.check();
  expect(differences).toEqual([]);
  expect(areas.sessions.held).toBe(15);
  const routes = await lab.exec('m1', 'ip', 'route');
  expect(routes).toMatch(/via [0-9.]+ dev vxlan\.calico/);
  expect(await lab.exec('w01', 'ip', 'route')).toMatch(/via 10\.10\.2\.22 dev eth0 proto 80/);
});

test('border routers of two sites join their pods', async () => {
  const lab = newLab('border');
  await lab.up(example('border-two-sites'));
  const { differences, areas } = await lab.check();
  expect(differences).toEqual([]);
  expect(areas.sessions.held).toBe(8);
  const status = await lab.exec('router-10-99-0-2', 'ip', 'route');
  expect(status).toMatch(/10\.233\..* proto (bird|bgp)/);
});

test('two labs of the same inventory side by side; a crash of one is no matter to the other', async () => {
  const [one, two] = [newLab('one'), newLab('two')];
  await Promise.all([one.up(documentInventory), two.up(documentInventory, '--pods-per-node', '2')]);
  expect((await one.check()).differences).toEqual([]);
  expect((await two.check()).areas.icmp).toEqual({ expected: 56, held: 56 });
  const record = JSON.parse(readFileSync(join(one.folder, 'one', 'record.json'), 'utf8')) as {
    readonly holder: { readonly pid: number };
  };
  process.kill(record.holder.pid, 'SIGKILL');
  await Bun.sleep(200);
  const status = await one.run('status');
  expect(status.code).toBe(1);
  expect(status.stdout).toContain('crashed');
  expect((await two.check()).differences).toEqual([]);
  await one.must('down');
  expect(readdirSync(one.folder)).toEqual([]);
});

test('a tunnel that the kernel lacks is found before anything is made', async () => {
  const { ipip } = await probeKernel();
  const lab = newLab('ipip');
  const { code, stderr } = await lab.run('up', '--kernel', 'host', '-i', example('rr-doc'));
  if (ipip.ok) {
    expect(code).toBe(0);
    return;
  }
  expect(code).toBe(1);
  expect(stderr).toContain('calico_ipip_mode is Always');
  expect(stderr).toContain('calico_ipip_mode: Never');
  expect(readdirSync(lab.folder)).toEqual([]);
});
