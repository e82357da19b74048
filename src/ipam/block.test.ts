import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { formatJson, parseJson } from '../datastore/index.ts';
import { parseCidr } from '../ip/index.ts';
import {
  addressAt,
  allocate,
  attributeAt,
  type Block,
  formatBlock,
  freeOrdinals,
  handleCounts,
  isEmpty,
  newBlock,
  nextWrite,
  ordinalsOfHandle,
  parseBlock,
  release,
} from './block.ts';
import { candidateBlocks, fnv1 } from './candidates.ts';
import type { Pool } from './types.ts';

/** As v3.32 and v3.15 write a block, and one of a release to come. */
const v332 =
  '{"cidr":"10.233.76.0/30","affinity":"host:node3","affinity_claim_time":"2026-01-05T10:00:00Z","allocations":[0,1,null,null],' +
  '"unallocated":[2,3],"attributes":[{"handle_id":"ipip-tunnel-addr-node3","secondary":{"node":"node3","type":"ipipTunnelAddress"}},' +
  '{"handle_id":"cni0.5f3c0d","secondary":{"namespace":"default","node":"node3","pod":"web-0"}}],' +
  '"sequenceNumber":1767607200000000002,"sequenceNumberForAllocation":{"0":1767607200000000000,"1":1767607200000000001},"deleted":false}';
const v315 =
  '{"cidr":"10.233.76.0/30","affinity":"host:node3","allocations":[0,null,null,null],"unallocated":[1,2,3],' +
  '"attributes":[{"handle_id":null,"secondary":null}],"deleted":false}';
const later =
  '{"cidr":"10.233.76.0/30","affinity":null,"allocations":[0,null,null,null],"unallocated":[1,2,3],' +
  '"attributes":[{"handle_id":"h","secondary":{"a":"b"},"alternateOwnerAttrs":{"x":"y"},"releasedAt":"2026"}],' +
  '"sequenceNumber":7,"sequenceNumberForAllocation":{"0":6},"deleted":false,"fromLater":{"big":9007199254740993}}';

const read = (text: string) => parseBlock(parseJson(text));
const write = (block: Block) => formatJson(formatBlock(block));

describe('stored blocks', () => {
  test('what v3.32 and later releases write comes back to the byte', () => {
    expect(write(read(v332))).toBe(v332);
    expect(write(read(later))).toBe(later);
  });

  test('what v3.15 writes is read, and its next write gets the sequence numbers', () => {
    const block = read(v315);
    expect(block.sequence).toBe(0n);
    expect(attributeAt(block, 0)).toEqual({ handle: undefined, secondary: {}, other: {} });
    const next = nextWrite(allocate(block, [1], { handle: 'h', secondary: { node: 'n' } }));
    expect(write(next)).toContain('"sequenceNumber":1,"sequenceNumberForAllocation":{"1":0}');
    expect(ordinalsOfHandle(next, 'h')).toEqual([1]);
  });

  test('old oddities: null lists, a missing affinity, a handle with a tail', () => {
    const block = read(
      '{"cidr":"10.0.0.0/31","allocations":null,"unallocated":null,"attributes":null,"hostAffinity":"n"}',
    );
    expect(block).toMatchObject({ affinity: undefined, allocations: [null, null], attributes: null });
    expect(write(block)).toContain('"hostAffinity":"n"');
    const tail = read(
      '{"cidr":"10.0.0.0/32","allocations":[0],"unallocated":[],"attributes":[{"handle_id":"h\\rrubbish"}]}',
    );
    expect(ordinalsOfHandle(tail, 'h')).toEqual([0]);
    expect(() => read('[]')).toThrow('not a JSON object');
  });

  test("a block with nothing but Windows' reserved addresses is empty", () => {
    const text =
      '{"cidr":"10.0.0.0/31","allocations":[0,null],"unallocated":[1],"attributes":[{"handle_id":"windows-reserved-IPAM-handle"}]}';
    expect(isEmpty(read(text))).toBe(true);
    expect(isEmpty(read(v332))).toBe(false);
  });
});

test('any order of giving and taking keeps the books of a block', () => {
  const operation = fc.oneof(
    fc.record({ give: fc.integer({ min: 1, max: 5 }), handle: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ take: fc.array(fc.nat(15), { maxLength: 6 }), forget: fc.boolean() }),
    fc.record({ takeHandle: fc.constantFrom('a', 'b', 'c') }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      let block = newBlock(parseCidr('10.0.0.0/28'), '10.0.0.0/28', {
        affinity: 'host:n',
        claimTime: '',
        sequence: 100n,
      });
      const model = new Map<number, string>();
      for (const step of operations) {
        const before = block.sequence;
        if ('give' in step) {
          const ordinals = freeOrdinals(block, step.give);
          expect(ordinals.length).toBe(Math.min(step.give, 16 - model.size));
          block = nextWrite(allocate(block, ordinals, { handle: step.handle, secondary: { node: 'n' } }));
          for (const ordinal of ordinals) {
            expect(model.has(ordinal)).toBe(false);
            model.set(ordinal, step.handle);
            expect(block.allocationSequence.get(ordinal)).toBe(before);
          }
        } else {
          const ordinals =
            'take' in step ? [...new Set(step.take)] : ordinalsOfHandle(block, step.takeHandle);
          const freed = ordinals.filter((ordinal) => model.delete(ordinal)).sort((a, b) => a - b);
          block = nextWrite(release(block, ordinals, 'take' in step && step.forget));
          expect(block.unallocated.slice(16 - model.size - freed.length)).toEqual(freed);
        }
        block = parseBlock(parseJson(write(block)));
        const held = block.allocations.flatMap((_, ordinal) => {
          const holder = attributeAt(block, ordinal)?.handle;
          return holder === undefined ? [] : [[ordinal, holder] as const];
        });
        expect(held).toEqual([...model].sort(([a], [b]) => a - b));
        expect(block.attributes?.length ?? 0).toBe(new Set(model.values()).size);
        const counts = [...handleCounts(block).values()].reduce((sum, count) => sum + count, 0);
        expect(counts).toBe(model.size);
      }
    }),
  );
});

describe('the walk over a pool', () => {
  const pool = (cidr: string, blockSize: number): Pool => ({
    name: 'p',
    revision: '1',
    cidr: parseCidr(cidr),
    blockSize,
    disabled: false,
    nodeSelector: '',
    namespaceSelector: '',
    allowedUses: ['Workload'],
    automatic: true,
    ipip: false,
    vxlan: false,
  });

  test.each([
    ['10.0.0.0/16', 26, 1024],
    ['10.0.0.0/26', 26, 1],
    ['10.0.0.0/28', 32, 16],
    ['fd00::/112', 122, 1024],
  ])('%s in blocks of /%d: each of %d once, from a place the host decides', (cidr, blockSize, count) => {
    const texts = [...candidateBlocks(pool(cidr, blockSize), 'node1')].map(({ text }) => text);
    expect(texts.length).toBe(count);
    expect(new Set(texts).size).toBe(count);
    const other = [...candidateBlocks(pool(cidr, blockSize), 'node2')].map(({ text }) => text);
    expect(new Set(other)).toEqual(new Set(texts));
    if (count > 16) expect(other[0]).not.toBe(texts[0]);
  });

  test('the hash is FNV-1', () => {
    expect(fnv1('node1')).toBe(3957252814);
  });
});

test('addresses of a block', () => {
  expect(addressAt(read(v332), 3)).toBe('10.233.76.3');
});
