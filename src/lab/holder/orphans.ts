/** The holder is process 1 of its namespace: what loses its parent becomes its child, and must be reaped by it. */
import { readdirSync, readFileSync } from 'node:fs';
import { reapChild } from '../../linux/index.ts';

/**
 * Reaps the ended children that nobody else does. The runtime reaps what it started itself, at once: a child that two
 * looks in a row find ended is an orphan that came to us.
 */
export class OrphanReaper {
  #seen = new Set<number>();

  look(): void {
    const zombies = new Set<number>();
    for (const task of readdirSync('/proc/1/task')) {
      for (const pid of childrenOf(task)) if (isZombie(pid)) zombies.add(pid);
    }
    for (const pid of zombies) if (this.#seen.has(pid)) reapChild(pid);
    this.#seen = zombies;
  }
}

function childrenOf(task: string): readonly number[] {
  try {
    const text = readFileSync(`/proc/1/task/${task}/children`, 'utf8');
    return text.trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}
