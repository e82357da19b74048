/** From etcd v2 to etcd v3: conversion, phases, backup and restore. */

export { openStores } from './config.ts';
export * from './convert.ts';
export { convertHostEndpoint, convertWorkloadEndpoint } from './convert-endpoints.ts';
export * from './convert-ipam.ts';
export { convertPolicy, convertProfile, storedPolicy } from './convert-policy.ts';
export { addressName, cidrName, convertNodeName } from './names.ts';
export * from './phases.ts';
export { upgradeProgram } from './program.ts';
export { renderReports } from './reports.ts';
export { StatusText } from './status-text.ts';
export { memoryV1Store, type UpgradeStores, type V1Store } from './stores.ts';
export { pauseSeconds, terminalContext } from './terminal.ts';
export { v2Store } from './v2-client.ts';
export * from './v2-tree.ts';
export { problemOf, problemsIn } from './validation.ts';
export * from './version-gate.ts';
