/** Writes a configuration for BIRD 2 (2.0.12 and later). Equal values give equal text. */
import { assertNever, CalicoError } from '../../errors.ts';
import type { Community } from '../model/state.ts';
import type {
  BgpProtocol,
  BgpTemplate,
  BirdConfig,
  BirdFunction,
  Condition,
  FamilyConfig,
  Statement,
} from './ast.ts';

/** The text of a configuration file. */
export function renderBird(config: BirdConfig): string {
  const parts = [
    '# Written by calico-node; changes are lost.',
    'log stderr all;',
    `router id ${config.routerId};`,
    'timeformat protocol iso short;',
    'graceful restart wait 240;',
    ...config.functions.map(functionText),
    ...config.families.flatMap(({ learn, program }) =>
      [learn, program].map((filter) => `filter ${symbol(filter.name)} {\n${block(filter.body, 1)}}`),
    ),
    'protocol device calico_device { scan time 2; }',
    `protocol direct calico_direct { ipv4; ipv6; interface ${config.directInterfaces.map(patternText).join(', ')}; }`,
    ...config.families.flatMap(familyText),
    templateText(config.template),
    ...config.protocols.map(protocolText),
  ];
  return `${parts.join('\n')}\n`;
}

/** A text between quotes. BIRD knows no escapes, so what would need one is refused. */
export function quoted(text: string): string {
  if (/["\n\r\0]/.test(text)) {
    throw new CalicoError('INPUT', 'a double quote or line end cannot be written in a BIRD configuration');
  }
  return `"${text}"`;
}

function patternText(pattern: string): string {
  return pattern.startsWith('-') ? `-${quoted(pattern.slice(1))}` : quoted(pattern);
}

function symbol(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `'${name}'`;
}

function functionText(one: BirdFunction): string {
  const parameter = one.takesSameAs ? 'bool same_as' : '';
  return `function ${symbol(one.name)}(${parameter}) {\n${block(one.body, 1)}}`;
}

function familyText(family: FamilyConfig): readonly string[] {
  const { version } = family;
  const routes = family.statics.map(
    ({ cidr, via }) => `  route ${cidr} ${via === undefined ? 'blackhole' : `via ${via}`};\n`,
  );
  return [
    `protocol static calico_static${version} {\n  ipv${version};\n${routes.join('')}}`,
    `protocol kernel calico_kernel_${version} {
  learn; persist; scan time 2; graceful restart; merge paths on;
  ipv${version} { import filter ${symbol(family.learn.name)}; export filter ${symbol(family.program.name)}; };
}`,
  ];
}

function templateText(template: BgpTemplate): string {
  const lines = [
    ...(template.debug === undefined
      ? []
      : [template.debug === 'all' ? 'debug all;' : `debug { ${template.debug} };`]),
    'description "Connection to BGP peer";',
    `local as ${template.localAS}; multihop; graceful restart on;`,
    ...(template.listenPort === undefined ? [] : [`local port ${template.listenPort};`]),
    ...(template.strictBind ? ['strict bind on;'] : []),
    'connect delay time 2; connect retry time 5; error wait time 5,30;',
  ];
  return `template bgp calico_bgp {\n${lines.map((line) => `  ${line}\n`).join('')}}`;
}

function protocolText(one: BgpProtocol): string {
  const port = one.port === 179 ? '' : ` port ${one.port}`;
  const lines = [
    ...(one.localAS === undefined ? [] : [`local as ${one.localAS};`]),
    `neighbor ${one.neighbor}${port} as ${one.peerAS};`,
    ...(one.sourceAddress === undefined ? [] : [`source address ${one.sourceAddress};`]),
    ...(one.passive ? ['passive on;'] : []),
    ...(one.hops === undefined ? [] : [`multihop ${one.hops}; ttl security on;`]),
    ...(one.password === undefined ? [] : [`password ${quoted(one.password)};`]),
    ...(one.rrClusterID === undefined ? [] : [`rr client; rr cluster id ${one.rrClusterID};`]),
    ...(one.restartTime === undefined ? [] : [`graceful restart time ${one.restartTime};`]),
    // 0 is the default, a third of the hold time, and cannot be written.
    ...(!one.keepaliveTime ? [] : [`keepalive time ${one.keepaliveTime};`]),
    ...(one.allowLocalAS === undefined ? [] : [`allow local as ${one.allowLocalAS};`]),
  ];
  const hop = one.nextHop === 'auto' ? '' : `    next hop ${one.nextHop};\n`;
  return `protocol bgp ${symbol(one.name)} from calico_bgp {
${lines.map((line) => `  ${line}\n`).join('')}  ipv${one.version} {
    gateway recursive; add paths on;
${hop}    import filter {
${block(one.import, 3)}    };
    export filter {
${block(one.export, 3)}    };
  };
}`;
}

function block(body: readonly Statement[], depth: number): string {
  return body.map((statement) => `${'  '.repeat(depth)}${statementText(statement, depth)}\n`).join('');
}

function statementText(statement: Statement, depth: number): string {
  switch (statement.kind) {
    case 'accept':
    case 'reject':
      return `${statement.kind};`;
    case 'if': {
      const head = `if ${statement.all.map(conditionText).join(' && ')} then`;
      const [only] = statement.body;
      if (statement.body.length === 1 && only && only.kind !== 'if')
        return `${head} ${statementText(only, depth)}`;
      return `${head} {\n${block(statement.body, depth + 1)}${'  '.repeat(depth)}}`;
    }
    case 'call':
      return `${symbol(statement.name)}(${statement.sameAs === undefined ? '' : statement.sameAs});`;
    case 'add-community':
      return `${communityList(statement.community)}.add(${communityText(statement.community)});`;
    case 'prepend':
      return `bgp_path.prepend(${statement.asNumber});`;
    case 'set-local-pref':
      return `bgp_local_pref = ${statement.value};`;
    default:
      return assertNever(statement);
  }
}

function conditionText(condition: Condition): string {
  switch (condition.kind) {
    case 'net': {
      const { cidr, length, operator } = condition;
      const right = length === undefined ? cidr : `[ ${cidr}{${length[0]},${length[1]}} ]`;
      return `(net ${operator} ${right})`;
    }
    case 'net-in':
      return `(net ~ [ ${condition.cidrs.map((cidr) => `${cidr}+`).join(', ')} ])`;
    case 'source':
      return condition.is === 'bgp' ? '(source = RTS_BGP)' : '(source = RTS_DEVICE || source = RTS_INHERIT)';
    case 'unreachable':
      return '(dest = RTD_UNREACHABLE)';
    case 'interface':
      return `(defined(ifname) && (ifname ~ ${quoted(condition.pattern)}))`;
    case 'community':
      return `(${communityText(condition.community)} ~ ${communityList(condition.community)})`;
    case 'as-path-prefix':
      return `(bgp_path ~ [= ${condition.path.join(' ')} * =])`;
    case 'local-pref':
      return `(defined(bgp_local_pref) && (bgp_local_pref = ${condition.value}))`;
    case 'same-as':
      return 'same_as';
    case 'not':
      return `!${conditionText(condition.condition)}`;
    default:
      return assertNever(condition);
  }
}

function communityText(community: Community): string {
  return `(${community.join(', ')})`;
}

function communityList(community: Community): string {
  return community.length === 2 ? 'bgp_community' : 'bgp_large_community';
}
