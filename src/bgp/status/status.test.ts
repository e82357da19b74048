import { describe, expect, test } from 'bun:test';
import { printNodeStatus, statusOfOneDaemon } from './node-status.ts';
import { parseProtocols } from './protocols.ts';
import { whyDown } from './report.ts';

/** As captured from BIRD 2.0.12, blanks at line ends included. */
const captured = [
  '2002-Name       Proto      Table      State  Since         Info',
  '1002-calico_device Device     ---        up     07:39:05      ',
  '1002-Mesh_10_0_0_2 BGP        ---        up     07:39:06      Established   ',
  '1006-  BGP state:          Established',
  '     Neighbor address: 10.0.0.2',
  '     Neighbor AS:      64512',
  '   Channel ipv4',
  '     Routes:         1 imported, 2 exported, 1 preferred',
  ' ',
  '1002-Mesh_10_0_0_201 BGP        ---        down   07:46:38      ',
  '1002-Node_10_0_0_77 BGP        ---        start  07:46:38      Connect       Socket: No route to host',
  '1006-  BGP state:          Connect',
  '     Neighbor address: 10.0.0.77',
  '     Last error:       Socket: No route to host',
  '1002-Mesh_fd00_10__2 BGP        ---        start  07:46:38      Idle          BGP Error: Bad peer AS',
  '1006-  BGP state:          Idle',
  '     Neighbor address: fd00:10::2',
  '1002-Global_172_31_9_9_port_1179 BGP        ---        start  07:46:38      Active        Socket: Network is unreachable',
  '0000 ',
];

describe('parseProtocols', () => {
  const rows = parseProtocols(captured);

  test('reads names, states, reasons and counters', () => {
    expect(rows.map(({ name, bgpState, reason }) => [name, bgpState, reason])).toEqual([
      ['calico_device', '', ''],
      ['Mesh_10_0_0_2', 'Established', ''],
      ['Mesh_10_0_0_201', '', ''],
      ['Node_10_0_0_77', 'Connect', 'Socket: No route to host'],
      ['Mesh_fd00_10__2', 'Idle', 'BGP Error: Bad peer AS'],
      ['Global_172_31_9_9_port_1179', 'Active', 'Socket: Network is unreachable'],
    ]);
    expect(rows[1]!.routes).toEqual({ imported: 1, exported: 2, preferred: 1 });
    expect(rows[3]!.lastError).toBe('Socket: No route to host');
  });

  test('one daemon fills both tables; what is down is in neither', () => {
    const text = printNodeStatus(statusOfOneDaemon(rows));
    expect(text).toContain(
      '| fd00:10::2   | node-to-node mesh | start | 07:46:38 | Idle BGP Error: Bad peer AS |',
    );
    expect(text).toContain('| 172.31.9.9.port.1179 | global ');
    expect(text).not.toContain('10.0.0.201');
  });
});

test('whyDown says where to look', () => {
  const session = { peerIP: '10.0.0.2', port: 179, peerAS: 65001, localAS: 65002, password: undefined };
  expect(whyDown(session, 'Idle', 'BGP Error: Bad peer AS')).toBe(
    'AS numbers do not match: this end is 65002 and expects 65001 at 10.0.0.2',
  );
  expect(whyDown(session, 'Active', 'Socket: Connection refused')).toContain(
    'port 179 of 10.0.0.2 is closed',
  );
  expect(whyDown({ ...session, password: { name: 'a', key: 'b' } }, 'Connect', '')).toContain(
    'the password differs',
  );
  expect(whyDown(session, 'unknown', '')).toContain('the host reports nothing');
});
