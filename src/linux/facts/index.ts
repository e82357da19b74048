/** What the kernel can do. */
export * from './kernel-facts.ts';
