/** The corpora that are replayed, in the order of the table. */

import { ansibleInventory } from './ansible-inventory.ts';
import { bgp } from './bgp/index.ts';
import { calicoctl } from './calicoctl/index.ts';
import { cni } from './cni/index.ts';
import type { Corpus } from './corpus.ts';
import { kubernetes } from './kubernetes/index.ts';
import { kubespray } from './kubespray.ts';
import { upgrade } from './upgrade.ts';
import { verdicts } from './verdicts/index.ts';

/** One entry per folder of recordings. */
export const corpora: readonly Corpus[] = [
  bgp,
  ansibleInventory,
  calicoctl,
  cni,
  kubernetes,
  kubespray,
  upgrade,
  verdicts,
];
