/** From etcd v2 to etcd v3: conversion, phases, backup and restore. */
export * from './convert.ts';
export * from './convert-ipam.ts';
export { storedPolicy } from './convert-policy.ts';
export * from './v2-tree.ts';
