/** The pattern tree of a usage text and how it matches an argument list: the rules of docopt. */

/** A value that an option or positional ends up with: counts of repeated flags are numbers. */
export type ArgValue = string | boolean | null | readonly string[];

/** An option as the `Options:` section or the usage line declares it. */
export interface Option {
  readonly kind: 'option';
  readonly short: string | undefined;
  readonly long: string | undefined;
  readonly takesValue: boolean;
  readonly defaultValue: string | null;
}

/** A usage pattern. */
export type Pattern =
  | Option
  | { readonly kind: 'argument'; readonly name: string }
  | { readonly kind: 'command'; readonly name: string }
  | { readonly kind: 'required'; readonly children: readonly Pattern[] }
  | { readonly kind: 'optional'; readonly children: readonly Pattern[] }
  | { readonly kind: 'either'; readonly children: readonly Pattern[] }
  | { readonly kind: 'repeat'; readonly child: Pattern };

/** One parsed word of the command line. */
export type Token =
  | { readonly kind: 'option'; readonly name: string; readonly value: string | true }
  | { readonly kind: 'word'; readonly value: string };

/** What a match has collected so far. */
export interface Collected {
  readonly name: string;
  readonly value: string | true;
}

/** State of a match: what is left of the line, and what was taken. */
interface State {
  readonly ok: boolean;
  readonly left: readonly Token[];
  readonly collected: readonly Collected[];
}

/** The name under which an option's value is stored: its long form if it has one. */
export function optionName(option: Option): string {
  return option.long ?? option.short ?? '';
}

function take(left: readonly Token[], index: number): readonly Token[] {
  return [...left.slice(0, index), ...left.slice(index + 1)];
}

function matchLeaf(
  pattern: Extract<Pattern, { kind: 'option' | 'argument' | 'command' }>,
  left: readonly Token[],
  collected: readonly Collected[],
): State {
  const wanted = pattern.kind === 'option' ? 'option' : 'word';
  const name = pattern.kind === 'option' ? optionName(pattern) : pattern.name;
  const index = left.findIndex(
    (token) => token.kind === wanted && (token.kind === 'word' || token.name === name),
  );
  const token = left[index];
  if (token === undefined) return { ok: false, left, collected };
  if (pattern.kind === 'command' && token.value !== name) return { ok: false, left, collected };
  const value = pattern.kind === 'command' ? true : token.value;
  return { ok: true, left: take(left, index), collected: [...collected, { name, value }] };
}

/** Matches a pattern greedily, left to right; an either takes the branch that leaves least. */
export function match(pattern: Pattern, left: readonly Token[], collected: readonly Collected[] = []): State {
  switch (pattern.kind) {
    case 'option':
    case 'argument':
    case 'command':
      return matchLeaf(pattern, left, collected);
    case 'required': {
      let state: State = { ok: true, left, collected };
      for (const child of pattern.children) {
        state = match(child, state.left, state.collected);
        if (!state.ok) return { ok: false, left, collected };
      }
      return state;
    }
    case 'optional': {
      let state: State = { ok: true, left, collected };
      for (const child of pattern.children) {
        const next = match(child, state.left, state.collected);
        if (next.ok) state = next;
      }
      return state;
    }
    case 'repeat': {
      let state: State = { ok: true, left, collected };
      for (let times = 0; ; times++) {
        const next = match(pattern.child, state.left, state.collected);
        if (!next.ok || next.left.length === state.left.length) {
          return times > 0 || next.ok ? { ...state, ok: true } : { ok: false, left, collected };
        }
        state = next;
      }
    }
    case 'either': {
      const outcomes = pattern.children
        .map((child) => match(child, left, collected))
        .filter((state) => state.ok);
      const [first, ...rest] = outcomes;
      if (first === undefined) return { ok: false, left, collected };
      return rest.reduce((best, state) => (state.left.length < best.left.length ? state : best), first);
    }
  }
}

/** Names of leaves that may occur more than once, so that their value is a list. */
export function repeated(pattern: Pattern, inside = false): ReadonlySet<string> {
  const names = new Set<string>();
  const walk = (node: Pattern, repeating: boolean): void => {
    if (node.kind === 'repeat') walk(node.child, true);
    else if (node.kind === 'option') {
      if (repeating && node.takesValue) names.add(optionName(node));
    } else if (node.kind === 'argument') {
      if (repeating) names.add(node.name);
    } else if (node.kind !== 'command') for (const child of node.children) walk(child, repeating);
  };
  walk(pattern, inside);
  return names;
}
