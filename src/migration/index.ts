/** The whole way from Calico v2.6 to v3: the procedure, its clean-up, its rehearsal. */
export { type CleanContext, clean } from './clean.ts';
export { diskJournal, type Journal, journalFiles, memoryJournal, type RunState } from './journal.ts';
export { migrationProgram } from './program.ts';
export { type Deviation, type Rehearsal, rehearse } from './rehearsal/rehearse.ts';
export { type RunContext, run, runExit } from './run.ts';
