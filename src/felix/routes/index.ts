/** Routes. */
export * from './cluster-routes.ts';
export * from './neighbour-driver.ts';
export * from './route-driver.ts';
export * from './route-table.ts';
export * from './workload-routes.ts';
