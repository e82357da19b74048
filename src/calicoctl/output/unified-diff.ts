/** A unified diff of two texts, three lines of context, by longest common subsequence. */

/** Names in the head of a diff. */
export interface DiffNames {
  readonly before: string;
  readonly after: string;
}

type Edit = { readonly sign: ' ' | '-' | '+'; readonly line: string };

const context = 3;

/** The diff; empty when the texts are the same. */
export function unifiedDiff(before: string, after: string, names: DiffNames): string {
  const edits = editsOf(linesOf(before), linesOf(after));
  if (edits.every((edit) => edit.sign === ' ')) return '';
  let text = `--- ${names.before}\n+++ ${names.after}\n`;
  let [old, now] = [1, 1];
  for (let at = 0; at < edits.length; ) {
    const first = edits.findIndex((edit, index) => index >= at && edit.sign !== ' ');
    if (first < 0) break;
    const start = Math.max(at, first - context);
    let end = first;
    for (let quiet = 0, index = first; index < edits.length && quiet <= 2 * context; index++) {
      quiet = edits[index]!.sign === ' ' ? quiet + 1 : 0;
      if (quiet === 0) end = index + 1;
    }
    const stop = Math.min(edits.length, end + context);
    for (const edit of edits.slice(at, start)) {
      if (edit.sign !== '+') old++;
      if (edit.sign !== '-') now++;
    }
    const hunk = edits.slice(start, stop);
    const oldCount = hunk.filter((edit) => edit.sign !== '+').length;
    const newCount = hunk.filter((edit) => edit.sign !== '-').length;
    text += `@@ -${oldCount === 0 ? old - 1 : old},${oldCount} +${newCount === 0 ? now - 1 : now},${newCount} @@\n`;
    text += hunk.map((edit) => `${edit.sign}${edit.line}\n`).join('');
    old += oldCount;
    now += newCount;
    at = stop;
  }
  return text;
}

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        before[i] === after[j]
          ? lengths[i + 1]![j + 1]! + 1
          : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      edits.push({ sign: ' ', line: before[i]! });
      i++;
      j++;
    } else if (j >= after.length || (i < before.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) {
      edits.push({ sign: '-', line: before[i++]! });
    } else edits.push({ sign: '+', line: after[j++]! });
  }
  return edits;
}
