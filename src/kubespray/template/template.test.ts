/** The Jinja subset, with the results that Ansible gives. */
import { describe, expect, test } from 'bun:test';
import { fromJson, toJson } from '../values/value.ts';
import { HostScope } from './host-scope.ts';

const variables = {
  name: 'node1',
  number: 5,
  flag: true,
  nothing: null,
  list: [3, 1, 2, 2],
  hosts: [
    { name: 'a', ip: '10.0.0.1' },
    { name: 'b', ip: '10.0.0.2', up: false },
  ],
  map: { x: 1, y: { z: 2 } },
  subnet: '10.233.64.0/18',
  loop_a: '{{ loop_b }}',
  loop_b: '{{ loop_a }}',
  indirect: '{{ number }}',
  unsafe: 'plain',
};

function evaluate(template: string) {
  const raw: Record<string, unknown> = { ...variables, result: template };
  return new HostScope((name) => (Object.hasOwn(raw, name) ? fromJson(raw[name]) : undefined)).get('result');
}

const rows: readonly (readonly [string, unknown])[] = [
  ['{{ number }}', 5],
  ['{{ indirect }}', 5],
  ['{{ number + 1 }}', '6'],
  ['{{ number }} x', '5 x'],
  ['{{ flag }}', true],
  ['{{ not flag }}', false],
  ['{{ missing | default("d") }}', 'd'],
  ['{{ "" | default("d", true) }}', 'd'],
  ['{{ list | unique | sort | join(",") }}', '1,2,3'],
  ['{{ list }}', [3, 1, 2, 2]],
  ['{{ list + [9] }}', [3, 1, 2, 2, 9]],
  ['{{ list | length }}', '4'],
  ['{{ hosts | map(attribute="ip") | list }}', ['10.0.0.1', '10.0.0.2']],
  ['{{ hosts | selectattr("up", "defined") | map(attribute="name") | first }}', 'b'],
  ['{{ map.y.z }}', '2'],
  ['{{ map["x"] }}', '1'],
  ['{{ map.get("nope", "fallback") }}', 'fallback'],
  ['{{ map | combine({"x": 7}) }}', { x: 7, y: { z: 2 } }],
  ['{{ subnet | ipaddr("net") }}', '10.233.64.0/18'],
  ['{{ "10.233.64.1/18" | ipaddr("net") }}', false],
  ['{{ subnet | ipaddr("prefix") }}', '18'],
  ['{{ subnet | ipaddr(1) }}', '10.233.64.1/18'],
  ['{{ ["10.233.65.0/24", "10.0.0.0/8"] | ipaddr(subnet) }}', ['10.233.65.0/24']],
  ['{{ "yes" | bool }}', true],
  ['{{ "a" if number > 4 else "b" }}', 'a'],
  ['{% for h in hosts %}{{ h.name }}{% if not loop.last %},{% endif %}{% endfor %}', 'a,b'],
  ['{%- set x = 3 -%}{{ x * 2 }}', '6'],
  ['{{ name | upper }}-{{ name.split("e") | last }}', 'NODE1-1'],
  ['{{ name is match("node.*") }}', true],
  ['{{ "v3.15.2" is version("v3.3", ">=") }}', true],
  ['{{ name | regex_replace("node(\\\\d)", "n\\\\1") }}', 'n1'],
  ['{{ "x" in ["x", "y"] and number in [5] }}', true],
  ['{{ nothing is none }}', true],
  ['{{ {"a": {}} }}', { a: {} }],
  ['a {# comment #}b', 'a b'],
];

describe('values', () => {
  for (const [template, expected] of rows)
    test(template, () => {
      const result = evaluate(template);
      expect(result.kind === 'value' ? toJson(result.value) : result.message).toEqual(expected);
    });
});

describe('errors', () => {
  for (const [template, message] of [
    ['{{ missing }}', "'missing' is undefined"],
    ['{{ map.nope }}', "'dict object' has no attribute 'nope'"],
    ['{{ lookup("env", "HOME") }}', 'lookup(…) is not evaluated here'],
    ['{{ loop_a }}', 'recursive loop detected in template string'],
    ['{{ number', '{{ is not closed by }}'],
    ['{% include "x" %}', '{% include %} is not supported'],
    [
      '{% for a in range(90000) %}{% for b in range(90000) %}x{% endfor %}{% endfor %}',
      'the template does not end',
    ],
  ] as const)
    test(template, () => {
      const result = evaluate(template);
      expect(result.kind).toBe('error');
      expect('message' in result ? result.message : '').toBe(message);
    });
});
