/** Whether a converted resource is valid, by the rules and in the words of the release that the conversion targets. Pure. */
import { cidrCovers, formatCidr, parseCidr, tryParseCidr } from '../ip/index.ts';
import { type Problem, problemsText, validate } from '../resources/index.ts';
import type { Resource } from '../resources/resource.ts';

/** Why a converted resource is not valid; `undefined` when it is. */
export function problemOf(resource: Resource): string | undefined {
  const problems = problemsIn(resource);
  return problems.length === 0 ? undefined : problemsText(problems);
}

/** All problems of a converted resource. */
export function problemsIn(resource: Resource): readonly Problem[] {
  const general = validate(resource, { release: 'v3.15' }).map(
    (problem): Problem => ({ ...problem, reason: poolWords(problem.reason) }),
  );
  return [...general, ...linkLocalProblems(resource, general), ...portNameProblems(resource.spec)];
}

/** The validator of that release had words of its own for what the client of later ones says. */
function poolWords(reason: string): string {
  return reason
    .replace(/^IPPool CIDR is not/, 'IP pool CIDR is not')
    .replace(/^IPPool CIDR overlaps/, 'IP pool range overlaps');
}

const linkLocal = [parseCidr('169.254.0.0/16'), parseCidr('fe80::/10')];

/** Pools around a link-local range; those inside one are known to every release. */
function linkLocalProblems({ kind, spec }: Resource, known: readonly Problem[]): readonly Problem[] {
  const cidr = kind === 'IPPool' && typeof spec['cidr'] === 'string' ? tryParseCidr(spec['cidr']) : undefined;
  const range = cidr && linkLocal.find((one) => cidrCovers(cidr, one));
  if (!range || known.some(({ reason }) => reason.includes('Link Local'))) return [];
  return [
    {
      field: 'IPpool.CIDR',
      value: formatCidr(cidr),
      reason: `IP pool range overlaps with IPv${range.version} Link Local range ${formatCidr(range)}`,
    },
  ];
}

/** Names of ports in rules. */
function portNameProblems(spec: Resource['spec']): readonly Problem[] {
  return ['ingress', 'egress'].flatMap((direction) =>
    objects(spec[direction]).flatMap((rule) =>
      ['source', 'destination'].flatMap((side) =>
        ['ports', 'notPorts'].flatMap((field) =>
          list((rule[side] as Readonly<Record<string, unknown>> | undefined)?.[field])
            .filter((port): port is string => typeof port === 'string' && !isPortText(port))
            .map((port) => ({
              field: 'PortName',
              value: port,
              reason: 'Reason: failed to validate Field: PortName because of Tag: portName ',
            })),
        ),
      ),
    ),
  );
}

function isPortText(port: string): boolean {
  if (/^\d+(:\d+)?$/.test(port)) return true;
  return /^[a-z0-9-]{1,15}$/.test(port) && /[a-z]/.test(port) && !/^-|-$|--/.test(port);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function objects(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return list(value).filter((one) => typeof one === 'object' && one !== null) as Record<string, unknown>[];
}
