import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { MessageWriter, readAttributes, readMessages, readText } from './message.ts';
import { completeRoute, type Route, readRoute, writeRoute } from './route.ts';

describe('messages', () => {
  test('several in one datagram, with strings, numbers and nesting', () => {
    const writer = new MessageWriter(16);
    writer
      .begin(24, 5, 7)
      .u8(1)
      .u8(2)
      .u16(3)
      .text(3, 'eth0')
      .nest(18, () => writer.number(1, 0x01020304))
      .end();
    writer.begin(25, 1, 8).u32(9).numberBe(4, 4789, 2).end();
    const messages = [...readMessages(writer.result())];
    expect(messages.map((m) => [m.type, m.flags, m.sequence])).toEqual([
      [24, 5, 7],
      [25, 1, 8],
    ]);
    const seen: unknown[] = [];
    readAttributes(messages[0]!.body, 4, (type, value) => {
      if (type === 3) seen.push(readText(value));
      if (type === 18)
        readAttributes(value, 0, (inner, number) => void seen.push([inner, number.readUInt32LE(0)]));
    });
    readAttributes(messages[1]!.body, 4, (type, value) => void seen.push([type, value.readUInt16BE(0)]));
    expect(seen).toEqual(['eth0', [1, 0x01020304], [4, 4789]]);
  });
  test('any bytes are read without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const message of readMessages(Buffer.from(bytes))) readAttributes(message.body, 0, () => {});
      }),
    );
  });
});

describe('routes survive writing and reading', () => {
  const roundTrip = (route: Route) => {
    const writer = new MessageWriter();
    writer.begin(24, 0, 1);
    writeRoute(writer, route);
    writer.end();
    const [message] = [...readMessages(writer.result())];
    return readRoute(message!);
  };
  const rows: readonly Parameters<typeof completeRoute>[0][] = [
    { dst: '10.0.0.0/26', kind: 'blackhole', protocol: 80 },
    { dst: '10.0.0.5/32', hops: [{ oif: 7 }], source: '192.0.2.1' },
    { dst: '10.0.0.0/8', hops: [{ oif: 7, gateway: '192.0.2.2', onlink: true }], mtu: 1400, priority: 1024 },
    {
      dst: '0.0.0.0/0',
      table: 1000,
      hops: [
        { oif: 7, gateway: '10.0.0.1' },
        { oif: 8, gateway: '10.0.0.2', weight: 3 },
      ],
    },
    { dst: '10.1.0.0/24', hops: [{ oif: 7, gateway: 'fe80::1' }] },
    { dst: 'fd00::/122', hops: [{ oif: 7, gateway: 'fd00:1::1', onlink: true }] },
  ];
  for (const row of rows) {
    test(`${row.kind ?? 'unicast'} ${row.dst}`, () =>
      expect(roundTrip(completeRoute(row))).toEqual(completeRoute(row)));
  }
});
