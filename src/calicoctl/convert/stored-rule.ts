/** A rule of a v1 manifest in the form in which v1 stored it. */
import { InputError } from '../input/errors.ts';

type Members = Readonly<Record<string, unknown>>;

const members = (value: unknown): Members =>
  typeof value === 'object' && value !== null ? (value as Members) : {};

/** See the module's comment. @throws InputError for an unknown action */
export function storedRule(rule: unknown): Members {
  const given = members(rule);
  const { action } = given;
  if (!/^(allow|deny|log|pass)$/.test(String(action)))
    throw new InputError(`error with field Action = '${action}'`);
  const icmp = members(given['icmp']);
  const notIcmp = members(given['notICMP']);
  const stored: Members = {
    action,
    ip_version: given['ipVersion'],
    protocol: given['protocol'],
    '!protocol': given['notProtocol'],
    icmp_type: icmp['type'],
    icmp_code: icmp['code'],
    '!icmp_type': notIcmp['type'],
    '!icmp_code': notIcmp['code'],
    ...side('src', members(given['source'])),
    ...side('dst', members(given['destination'])),
  };
  return Object.fromEntries(
    Object.entries(stored).filter(([, value]) => value !== undefined && value !== null),
  );
}

function side(prefix: 'src' | 'dst', entity: Members): Members {
  const names = ['tag', 'net', 'nets', 'selector', 'ports'];
  return Object.fromEntries(
    names.flatMap((name) => [
      [`${prefix}_${name}`, entity[name]],
      [`!${prefix}_${name}`, entity[`not${name.charAt(0).toUpperCase()}${name.slice(1)}`]],
    ]),
  );
}
