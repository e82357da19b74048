/** The policy room: resources in, the host's program out, and the evaluator of that program. */
export * from './program.ts';
