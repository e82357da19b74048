/**
 * The label index at the size of a large cluster: `bun bench/selectors.ts [ENDPOINTS] [SELECTORS]`.
 * Prints the names that upstream's benchmarks and metrics have.
 */
import { LabelIndex, parseSelector } from '../src/selector/index.ts';

const endpoints = Number(process.argv[2] ?? 250_000);
const selectors = Number(process.argv[3] ?? 5_000);
let matches = 0;
const index = new LabelIndex<number, number>({
  matchStarted: () => {
    matches++;
  },
  matchStopped: () => {
    matches--;
  },
});

function measure(what: string, count: number, run: (i: number) => void): void {
  const evaluations = index.evaluations;
  const began = performance.now();
  for (let i = 0; i < count; i++) run(i);
  const ms = performance.now() - began;
  const each = ((index.evaluations - evaluations) / count).toFixed(1);
  console.log(
    `${what.padEnd(34)} ${String(count).padStart(7)} in ${ms.toFixed(0).padStart(6)} ms  ${((ms * 1000) / count).toFixed(1).padStart(7)} µs each  felix_label_index_selector_evals ${each} each`,
  );
}

const labels = (i: number, version: number) => ({
  'projectcalico.org/namespace': `ns${i % 500}`,
  'projectcalico.org/orchestrator': 'k8s',
  app: `app${i % 5000}`,
  tier: ['front', 'back', 'data'][i % 3]!,
  'pod-template-hash': `h${i % 20_000}`,
  version: String(version),
});
const selector = (i: number) =>
  i % 50 === 0
    ? "has(app) && !has(quarantine) && tier in {'front', 'back'} && pod-template-hash == 'none'"
    : `projectcalico.org/namespace == 'ns${i % 500}' && app == 'app${i % 5000}'`;

measure('add a selector, no endpoints', selectors, (i) => index.setSelector(i, parseSelector(selector(i))));
measure('add an endpoint', endpoints, (i) => index.setItem(i, labels(i, 1), [`kns.ns${i % 500}`]));
measure('change a label nobody selects', 20_000, (i) => index.setItem(i, labels(i, 2), [`kns.ns${i % 500}`]));
measure('change a profile of many endpoints', 20, (i) =>
  index.setParent(`kns.ns${i}`, { 'pcns.team': 'red' }),
);
measure('replace a selector', selectors, (i) => index.setSelector(i, parseSelector(selector(i))));
measure('remove an endpoint', 20_000, (i) => index.deleteItem(i));
console.log(`${matches} matches, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
