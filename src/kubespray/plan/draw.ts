/** The topology as a drawing: Graphviz text, or SVG without any other program. */
import type { ClusterPlan, HostPlan } from '../cluster-plan.ts';

const quote = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** The graph in the language of Graphviz. */
export function drawDot(plan: ClusterPlan): string {
  const lines = [
    'graph calico {',
    '  graph [overlap=false, splines=true]',
    '  node [shape=box, style=rounded]',
  ];
  for (const host of plan.hosts.filter((one) => one.runsNode)) {
    const label = `${host.name}\\n${host.address}\\nAS ${host.asNumber}${host.clusterId === null ? '' : `\\ncluster id ${host.clusterId}`}`;
    lines.push(
      `  ${quote(host.name)} [label=${quote(label).replaceAll('\\\\n', '\\n')}${host.isRouteReflector ? ', style="rounded,filled", fillcolor="#fde9c8"' : ''}]`,
    );
  }
  for (const router of plan.routers)
    lines.push(
      `  ${quote(router.address)} [label=${quote(`${router.address}\\nAS ${router.asNumber}`).replaceAll('\\\\n', '\\n')}, shape=diamond]`,
    );
  for (const one of plan.sessions) {
    const style = one.hostAs === one.peerAs ? '' : ', style=dashed';
    lines.push(
      `  ${quote(one.host)} -- ${quote(one.peer ?? one.peerAddress)} [tooltip=${quote(one.via)}${style}]`,
    );
  }
  lines.push('}');
  return `${lines.join('\n')}\n`;
}

const escapeXml = (text: string) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

interface Box {
  readonly name: string;
  readonly lines: readonly string[];
  readonly fill: string;
  /** Triangles below stand for the pods of the host. */
  readonly pods?: boolean;
  readonly subnet?: string;
  readonly x: number;
  readonly y: number;
}

const [width, height, gap, margin] = [150, 84, 30, 40];

/** Boxes side by side, in rows of at most `perRow`, centred. */
function rows(
  items: readonly Omit<Box, 'x' | 'y'>[],
  top: number,
  total: number,
  perRow: number,
): { boxes: Box[]; bottom: number } {
  const boxes: Box[] = [];
  let y = top;
  for (let at = 0; at < items.length; at += perRow) {
    const row = items.slice(at, at + perRow);
    const start = (total - (row.length * (width + gap) - gap)) / 2;
    row.forEach((item, index) => void boxes.push({ ...item, x: start + index * (width + gap), y }));
    y += height + gap;
  }
  return { boxes, bottom: y };
}

/**
 * What the document's figure shows: reflectors above, nodes below, every session a line, the AS around them; border
 * routers outside it. A mesh is drawn as a ring.
 */
export function drawSvg(plan: ClusterPlan): string {
  const nodes = plan.hosts.filter((host) => host.runsNode);
  const hostBox = (host: HostPlan): Omit<Box, 'x' | 'y'> => ({
    name: host.name,
    lines: [
      host.name,
      host.address,
      `AS ${host.asNumber}`,
      ...(host.clusterId === null ? [] : [`cluster id ${host.clusterId}`]),
    ],
    pods: host.runsPods,
    subnet: host.subnet,
    fill: host.isRouteReflector ? '#fde9c8' : '#dcebfa',
  });
  const reflectors = nodes.filter((host) => host.isRouteReflector).map(hostBox);
  const clients = nodes.filter((host) => !host.isRouteReflector).map(hostBox);
  const routers = plan.routers.map((router) => ({
    name: router.address,
    lines: ['border router', router.address, `AS ${router.asNumber}`],
    fill: '#f6dada',
  }));
  const perRow = Math.max(4, Math.min(12, Math.ceil(Math.sqrt(clients.length * 2))));
  const widest = Math.max(2, Math.min(perRow, Math.max(reflectors.length, clients.length, routers.length)));
  const total = widest * (width + gap) - gap + 2 * margin + 40;
  const boxes: Box[] = [];
  let top = 60;
  if (routers.length > 0) {
    const placed = rows(routers, top, total, perRow);
    boxes.push(...placed.boxes);
    top = placed.bottom + 50;
  }
  const cluster = top - 10;
  top += 36;
  if (reflectors.length > 0) {
    const placed = rows(reflectors, top, total, perRow);
    boxes.push(...placed.boxes);
    top = placed.bottom + 90;
  }
  const ring = reflectors.length === 0 && plan.nodeToNodeMesh && plan.bgpRunning && clients.length > 2;
  if (ring) {
    const radius = Math.max(230, (clients.length * (width + gap)) / (2 * Math.PI));
    const size = Math.max(total, 2 * radius + width + 2 * margin);
    clients.forEach((item, at) => {
      const angle = (2 * Math.PI * at) / clients.length - Math.PI / 2;
      boxes.push({
        ...item,
        x: round(size / 2 + radius * Math.cos(angle) - width / 2),
        y: round(top + radius + radius * Math.sin(angle)),
      });
    });
    return render(plan, boxes, size, cluster, top + 2 * radius + height + gap);
  }
  const placed = rows(clients, top, total, perRow);
  boxes.push(...placed.boxes);
  return render(plan, boxes, total, cluster, placed.bottom, switches(boxes, placed.bottom + 50, total));
}

const round = (value: number) => Math.round(value * 10) / 10;

/** One switch per network that hosts stand in, below everything. */
function switches(boxes: readonly Box[], top: number, total: number): readonly Box[] {
  const subnets = [...new Set(boxes.flatMap((box) => (box.subnet === undefined ? [] : [box.subnet])))];
  const items = subnets.map((name) => ({ name, lines: ['network', name], fill: '#e8f2e4' }));
  return subnets.length > 12 ? [] : rows(items, top, total, 12).boxes;
}

/** What the lines and shapes mean. */
function key(x: number, y: number): string[] {
  const line = (at: number, style: string, text: string) =>
    `<path d="M ${x} ${y + at} L ${x + 40} ${y + at}" fill="none" ${style}/><text x="${x + 48}" y="${y + at + 4}" font-size="11">${text}</text>`;
  return [
    line(0, internal, 'iBGP session'),
    line(16, external, 'eBGP session'),
    line(32, wire, 'Ethernet'),
    `<polygon points="${triangle(x + 20, y + 42)}" fill="white" stroke="#445566"/><text x="${x + 48}" y="${y + 53}" font-size="11">pods</text>`,
  ];
}

const triangle = (x: number, y: number) =>
  `${round(x)},${round(y)} ${round(x - 8)},${round(y + 14)} ${round(x + 8)},${round(y + 14)}`;
const internal = 'stroke="#3b6ea5" stroke-width="1.4"';
const external = 'stroke="#b03030" stroke-width="1.4" stroke-dasharray="5 3"';
const wire = 'stroke="#9aa59a" stroke-width="1"';

function render(
  plan: ClusterPlan,
  boxes: readonly Box[],
  total: number,
  cluster: number,
  bottom: number,
  networks: readonly Box[] = [],
): string {
  const byName = new Map(boxes.map((box) => [box.name, box]));
  const full = Math.max(bottom, ...networks.map((box) => box.y + height)) + margin + 60;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(total)} ${round(full)}" width="${round(total)}" height="${round(full)}" font-family="sans-serif" font-size="13">`,
    `<title>${escapeXml(`BGP sessions of ${plan.clusterName}`)}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${margin}" y="34" font-size="16" font-weight="bold">${escapeXml(plan.bgpRunning ? `${plan.sessions.length} BGP sessions, ${plan.nodeToNodeMesh ? 'node-to-node mesh' : 'no node-to-node mesh'}` : `no BGP: backend ${plan.backend}`)}</text>`,
    `<rect x="${margin / 2}" y="${round(cluster)}" width="${round(total - margin)}" height="${round(bottom - cluster)}" rx="14" fill="#f7f9fb" stroke="#8899aa" stroke-dasharray="6 4"/>`,
    `<text x="${margin}" y="${round(cluster + 22)}" fill="#445566">${escapeXml(`AS ${plan.globalAsNumber}, pods ${plan.pools.map((pool) => pool.cidr).join(', ')}`)}</text>`,
  ];
  for (const box of boxes) {
    const network = networks.find((one) => one.name === box.subnet);
    if (network)
      lines.push(`<path d="M ${connect(box, network)} L ${connect(network, box)}" fill="none" ${wire}/>`);
  }
  for (const one of plan.sessions) {
    const [a, b] = [byName.get(one.host), byName.get(one.peer ?? one.peerAddress)];
    if (!a || !b) continue;
    const isExternal = one.hostAs !== one.peerAs;
    const name = `<title>${escapeXml(`${one.host} – ${one.peer ?? one.peerAddress}: ${isExternal ? 'eBGP' : 'iBGP'}, ${one.via}`)}</title>`;
    lines.push(
      `<path d="M ${connect(a, b)} L ${connect(b, a)}" fill="none" ${isExternal ? external : internal}>${name}</path>`,
    );
  }
  for (const box of [...boxes, ...networks]) {
    if (box.pods)
      for (const at of [-30, 0, 30])
        lines.push(
          `<polygon points="${triangle(box.x + width / 2 + at, box.y + height)}" fill="white" stroke="#445566"/>`,
        );
    lines.push(
      `<g><rect x="${round(box.x)}" y="${round(box.y)}" width="${width}" height="${height}" rx="8" fill="${box.fill}" stroke="#445566"/>`,
      ...box.lines.map(
        (text, at) =>
          `<text x="${round(box.x + width / 2)}" y="${round(box.y + 20 + at * 18)}" text-anchor="middle"${at === 0 ? ' font-weight="bold"' : ''}>${escapeXml(text)}</text>`,
      ),
      '</g>',
    );
  }
  lines.push(...key(margin, full - 70), '</svg>');
  return `${lines.join('\n')}\n`;
}

/** Where a line to `to` leaves the box. */
function connect(from: Box, to: Box): string {
  const [x, y] = [from.x + width / 2, from.y + height / 2];
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (dx === 0 && dy === 0) return `${round(x)} ${round(y)}`;
  const scale = Math.min(
    dx === 0 ? Infinity : width / 2 / Math.abs(dx),
    dy === 0 ? Infinity : height / 2 / Math.abs(dy),
  );
  return `${round(x + dx * scale)} ${round(y + dy * scale)}`;
}
