import { describe, expect, test } from 'bun:test';
import { settingsOf } from '../../../test/support/program.ts';
import { planTable } from './iptables-plan.ts';
import { parseSave } from './iptables-state.ts';
import { hashedLines, ruleLines } from './iptables-text.ts';

const context = { version: 4, settings: settingsOf({}, 'iptables') } as const;
const drop = [{ do: 'drop' }] as const;

describe('iptables text', () => {
  test('what one line can say is one line', () => {
    const lines = ruleLines(
      {
        match: [
          { on: 'set', side: 'source', set: 'cali40s:x' },
          {
            on: 'ports',
            side: 'destination',
            ports: [
              { first: 80, last: 80 },
              { first: 8000, last: 8100 },
            ],
          },
          { on: 'protocol', protocol: 6 },
        ],
        actions: drop,
      },
      context,
    );
    expect(lines).toEqual([
      '-p 6 -m set --match-set cali40s:x src -m multiport --dports 80,8000:8100 -j DROP',
    ]);
  });

  test('alternatives are collected in a mark, all of them must hold, exclusions take it away', () => {
    const lines = ruleLines(
      {
        match: [
          { on: 'nets', side: 'source', nets: ['10.0.0.0/8', '192.0.2.0/24'] },
          { on: 'nets', side: 'destination', nets: ['10.1.0.0/16', '10.2.0.0/16'] },
          { on: 'nets', side: 'source', nets: ['10.9.0.0/16', '10.8.0.0/16'], not: true },
        ],
        actions: drop,
      },
      context,
    );
    expect(lines).toEqual([
      '-j MARK --set-xmark 0x0/0x180000',
      '-s 10.0.0.0/8 -j MARK --set-xmark 0x80000/0x80000',
      '-s 192.0.2.0/24 -j MARK --set-xmark 0x80000/0x80000',
      '-d 10.1.0.0/16 -j MARK --set-xmark 0x100000/0x100000',
      '-d 10.2.0.0/16 -j MARK --set-xmark 0x100000/0x100000',
      '-m mark --mark 0x0/0x100000 -j MARK --set-xmark 0x0/0x80000',
      '-j MARK --set-xmark 0x0/0x100000',
      '-s 10.9.0.0/16 -j MARK --set-xmark 0x0/0x80000',
      '-s 10.8.0.0/16 -j MARK --set-xmark 0x0/0x80000',
      '-m mark --mark 0x80000/0x80000 -j DROP',
    ]);
  });

  test('a net and an excluded net of one side do not share a line', () => {
    const lines = ruleLines(
      {
        match: [
          { on: 'nets', side: 'source', nets: ['10.0.0.0/8'] },
          { on: 'nets', side: 'source', nets: ['10.1.0.0/16'], not: true },
        ],
        actions: drop,
      },
      context,
    );
    expect(lines.at(-1)).toBe('-s 10.0.0.0/8 -m mark --mark 0x80000/0x80000 -j DROP');
    expect(lines).toContain('-s 10.1.0.0/16 -j MARK --set-xmark 0x0/0x80000');
  });
});

describe('a plan for a table', () => {
  const lead = hashedLines('FORWARD', ['-j cali-FORWARD']);
  const chain = hashedLines('cali-FORWARD', ['-j DROP']);
  const wanted = {
    chains: new Map([['cali-FORWARD', chain]]),
    hooks: new Map([['FORWARD', { lead, tail: [] }]]),
  };

  test('leaves what is right, and rules of others, alone', () => {
    const text = [
      ':FORWARD ACCEPT [0:0]',
      ':cali-FORWARD - [0:0]',
      ':other - [0:0]',
      `-A FORWARD ${lead[0]}`,
      '-A FORWARD -j other',
      `-A cali-FORWARD ${chain[0]}`,
    ].join('\n');
    expect(planTable('filter', wanted, parseSave(text), false).input).toEqual([]);
  });

  test('moves our rule back to the top and removes chains that nobody wants', () => {
    const text = [
      ':FORWARD ACCEPT [0:0]',
      ':cali-FORWARD - [0:0]',
      ':cali-old - [0:0]',
      '-A FORWARD -j other',
      `-A FORWARD ${lead[0]}`,
      `-A cali-FORWARD ${chain[0]}`,
    ].join('\n');
    expect(planTable('filter', wanted, parseSave(text), false).input).toEqual([
      '*filter',
      ':cali-old - [0:0]',
      '-D FORWARD 2',
      `-I FORWARD 1 ${lead[0]}`,
      '-X cali-old',
      'COMMIT',
    ]);
  });
});
