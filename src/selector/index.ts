/** The label-selector language: parse, canonical form, evaluation, index. Pure. */
export * from './canonical.ts';
export * from './evaluate.ts';
export * from './label-index.ts';
export type { SyntaxProblem } from './lexer.ts';
export * from './parser.ts';
export * from './syntax.ts';
