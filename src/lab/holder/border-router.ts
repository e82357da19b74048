/** What runs on a router outside the cluster: files and programs. It takes and gives every route, and forwards. Pure. */
import { assertNever } from '../../errors.ts';
import type { ProcessStatus, RouterSoftware } from '../protocol.ts';
import type { LabBorderRouter } from '../topology.ts';

/** Files, by their path, and programs with their command lines. */
export interface RouterSetup {
  readonly files: Readonly<Record<string, string>>;
  /** Files of ours that the router sees in place of the machine's. */
  readonly mounts: readonly { readonly file: string; readonly over: string }[];
  readonly programs: readonly {
    readonly program: ProcessStatus['program'];
    readonly command: readonly string[];
  }[];
}

/** Sets up the software in the folder. */
export function routerSetup(router: LabBorderRouter, software: RouterSoftware, folder: string): RouterSetup {
  const at = (name: string) => `${folder}/${name}`;
  switch (software) {
    case 'frr':
      return {
        files: { ...zebraFiles(folder), [at('bgpd.conf')]: frrConfig(router) },
        mounts: [groups(folder)],
        programs: [zebra(folder), { program: 'bgpd', command: frrDaemon('bgpd', folder) }],
      };
    case 'bird':
      return {
        files: { [at('bird.conf')]: birdConfig(router) },
        mounts: [],
        programs: [
          {
            program: 'bird',
            command: ['bird', ...['-f', '-c', at('bird.conf'), '-s', at('bird.ctl'), '-P', at('router.pid')]],
          },
        ],
      };
    default:
      return assertNever(software);
  }
}

/** Programs that the software needs, with the Debian package of each. */
export const routerPackages: Readonly<Record<RouterSoftware, Readonly<Record<string, string>>>> = {
  frr: { zebra: 'frr', bgpd: 'frr', vtysh: 'frr' },
  bird: { bird: 'bird2' },
};

/** Where Debian keeps FRR's daemons. */
export const frrFolder = '/usr/lib/frr';

function zebra(folder: string): RouterSetup['programs'][number] {
  return { program: 'zebra', command: frrDaemon('zebra', folder) };
}

/** FRR insists on its user being of its group; a user namespace has no other user than root. */
function zebraFiles(folder: string): RouterSetup['files'] {
  return {
    [`${folder}/zebra.conf`]: 'log stdout\n',
    [groups(folder).file]: 'root:x:0:\nfrrvty:x:0:root\n',
  };
}

function groups(folder: string): RouterSetup['mounts'][number] {
  return { file: `${folder}/group`, over: '/etc/group' };
}

/** Sockets are the router's own; the user stays, as a user namespace has no other than root. */
function frrDaemon(name: 'zebra' | 'bgpd', folder: string): readonly string[] {
  return [
    `${frrFolder}/${name}`,
    ...['-f', `${folder}/${name}.conf`, '-i', `${folder}/${name}.pid`, '-z', `${folder}/zserv.api`],
    ...['--vty_socket', folder, '-P', '0', '-u', 'root', '-g', 'root'],
  ];
}

/** Routers name themselves as next hop: packets between sites go through them, also where a switch is shared. */
function frrConfig({ address, asNumber, neighbours, client }: LabBorderRouter): string {
  const each = (make: (neighbour: LabBorderRouter['neighbours'][number]) => readonly string[]) =>
    neighbours.flatMap(make).map((line) => `${line}\n`);
  const sessions = each((one) => [
    ` neighbor ${one.address} remote-as ${one.asNumber}`,
    ` neighbor ${one.address} description ${one.name}`,
    ` neighbor ${one.address} timers connect 2`,
    ` neighbor ${one.address} advertisement-interval 0`,
    ...(one.asNumber === asNumber ? [] : [` neighbor ${one.address} ebgp-multihop`]),
  ]);
  const families = each((one) => [
    `  neighbor ${one.address} activate`,
    `  neighbor ${one.address} next-hop-self`,
  ]);
  return `log stdout
router bgp ${asNumber}
 bgp router-id ${address}
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 bgp graceful-restart
${sessions.join('')} address-family ipv4 unicast
  network ${client.network}
${families.join('')} exit-address-family
`;
}

function birdConfig({ address, asNumber, neighbours, client }: LabBorderRouter): string {
  const sessions = neighbours.map(
    (neighbour, index) => `protocol bgp peer${index} {
  description "${neighbour.name}";
  local ${neighbour.from} as ${asNumber};
  neighbor ${neighbour.address} as ${neighbour.asNumber};
  multihop;
  connect delay time 1;
  connect retry time 5;
  graceful restart on;
  ipv4 {
    import all;
    next hop self;
    export where source = RTS_BGP || net = ${client.network};
  };
}
`,
  );
  return `router id ${address};
protocol device { scan time 2; }
protocol direct { ipv4; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; persist; }
${sessions.join('')}`;
}
