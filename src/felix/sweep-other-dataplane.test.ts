import { expect, test } from 'bun:test';
import { removalOf } from './sweep-other-dataplane.ts';

test('our chains and the rules that lead to them go, in an order that iptables takes; foreign ones stay', () => {
  const saved = `# Generated
*filter
:INPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
:cali-INPUT - [0:0]
:cali-fw-cali1 - [0:0]
:felix-old - [0:0]
-A INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
-A INPUT -s 10.0.0.0/8 -j DOCKER-USER
-A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m mark --mark 0x10000/0x10000 -j ACCEPT
-A cali-INPUT -j cali-fw-cali1
COMMIT
`;
  expect(removalOf(saved)).toEqual([
    '-D INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT',
    '-D FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m mark --mark 0x10000/0x10000 -j ACCEPT',
    '-F cali-INPUT',
    '-F cali-fw-cali1',
    '-F felix-old',
    '-X cali-INPUT',
    '-X cali-fw-cali1',
    '-X felix-old',
  ]);
  expect(removalOf('*nat\n:KUBE-SERVICES - [0:0]\n-A OUTPUT -j KUBE-SERVICES\nCOMMIT\n')).toEqual([]);
});
