import { expect, test } from 'bun:test';
import { Metrics } from '../metrics/index.ts';
import { Health } from './health.ts';

test('a part is live until it is silent too long, and ready once it says so', () => {
  let now = 0;
  const health = new Health(() => now, { Slow: 500 });
  health.register('Start');
  health.register('Loop', 90);
  health.register('Slow', 1);
  const of = (name: string) => health.reports().find((report) => report.name === name);
  expect(of('Loop')).toMatchObject({ live: true, ready: false });
  health.report('Loop', { live: true, ready: true });
  health.report('Slow', { live: true, ready: true });
  now = 90;
  expect(of('Loop')).toMatchObject({ live: true, ready: true });
  now = 91;
  expect(of('Loop')).toMatchObject({ live: false, ready: false });
  expect(of('Slow')).toMatchObject({ live: true, ready: true });
  expect(of('Start')).toMatchObject({ live: true, ready: false });
});

test('the Prometheus text', () => {
  const metrics = new Metrics();
  metrics.describe('a_total', 'counter', 'A.');
  metrics.describe('b', 'gauge', 'B.');
  metrics.describe('c_seconds', 'summary', 'C.');
  metrics.describe('d', 'counter', 'D.');
  metrics.set('b', 2, { host: 'x"y' });
  metrics.observe('c_seconds', 0.5);
  metrics.observe('c_seconds', 1);
  metrics.add('d', 3, { type: 'route' });
  expect(metrics.render(new Map([['e{ip_version="4"}', 5]]))).toBe(
    [
      '# HELP a_total A.',
      '# TYPE a_total counter',
      'a_total 0',
      '# HELP b B.',
      '# TYPE b gauge',
      'b{host="x\\"y"} 2',
      '# HELP c_seconds C.',
      '# TYPE c_seconds summary',
      'c_seconds_sum 1.5',
      'c_seconds_count 2',
      '# HELP d D.',
      '# TYPE d counter',
      'd{type="route"} 3',
      'e{ip_version="4"} 5',
      '',
    ].join('\n'),
  );
});
