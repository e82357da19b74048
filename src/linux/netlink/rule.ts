/** Routing rules as rtnetlink messages. Pure. Wire format: include/uapi/linux/fib_rules.h. */
import type { IpVersion } from '../../ip/index.ts';
import { AF_INET, addressBytes, addressText, familyOf, splitCidr } from './address-bytes.ts';
import { type Message, type MessageWriter, readAttributes } from './message.ts';

/** Message types of rules. */
export const ruleType = { new: 32, delete: 33, get: 34 } as const;

const attribute = {
  destination: 1,
  source: 2,
  priority: 6,
  mark: 10,
  table: 15,
  mask: 16,
  protocol: 21,
} as const;
const toTable = 1;
const invert = 2;

/** A rule that sends packets to a table. */
export interface RoutingRule {
  readonly version: IpVersion;
  readonly priority: number;
  readonly table: number;
  readonly mark?: { readonly value: number; readonly mask: number };
  /** Holds for the packets that do not match. */
  readonly invert?: boolean;
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
}

/** Writes RTM_NEWRULE or RTM_DELRULE. */
export function writeRule(writer: MessageWriter, rule: RoutingRule): void {
  const source = rule.source === undefined ? undefined : splitCidr(rule.source);
  const destination = rule.destination === undefined ? undefined : splitCidr(rule.destination);
  writer
    .u8(familyOf(rule.version))
    .u8(destination?.prefix ?? 0)
    .u8(source?.prefix ?? 0)
    .u8(0);
  writer
    .u8(rule.table < 256 ? rule.table : 0)
    .u8(0)
    .u8(0)
    .u8(toTable)
    .u32(rule.invert ? invert : 0);
  writer.number(attribute.priority, rule.priority).number(attribute.table, rule.table);
  if (rule.mark) writer.number(attribute.mark, rule.mark.value).number(attribute.mask, rule.mark.mask);
  if (source) writer.bytes(attribute.source, addressBytes(source.address));
  if (destination) writer.bytes(attribute.destination, addressBytes(destination.address));
  if (rule.protocol !== undefined) writer.number(attribute.protocol, rule.protocol, 1);
}

/** Writes RTM_GETRULE for a dump. */
export function writeRuleDump(writer: MessageWriter, version: IpVersion): void {
  writer.u8(familyOf(version)).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
}

/** Reads RTM_NEWRULE; `undefined` for rules that do not send to a table. */
export function readRule(message: Message): RoutingRule | undefined {
  const { body } = message;
  if (body[7] !== toTable) return undefined;
  let tableId = body[4] ?? 0;
  let priority = 0;
  let mark: number | undefined;
  let mask = 0xffffffff;
  let source: string | undefined;
  let destination: string | undefined;
  let ruleProtocol: number | undefined;
  readAttributes(body, 12, (type, value) => {
    if (type === attribute.table) tableId = value.readUInt32LE(0);
    if (type === attribute.priority) priority = value.readUInt32LE(0);
    if (type === attribute.mark) mark = value.readUInt32LE(0);
    if (type === attribute.mask) mask = value.readUInt32LE(0);
    if (type === attribute.source) source = `${addressText(value)}/${body[2]}`;
    if (type === attribute.destination) destination = `${addressText(value)}/${body[1]}`;
    if (type === attribute.protocol) ruleProtocol = value[0];
  });
  return {
    version: body[0] === AF_INET ? 4 : 6,
    priority,
    table: tableId,
    ...(mark === undefined ? {} : { mark: { value: mark, mask } }),
    ...((body.readUInt32LE(8) & invert) !== 0 ? { invert: true } : {}),
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...(ruleProtocol === undefined ? {} : { protocol: ruleProtocol }),
  };
}
