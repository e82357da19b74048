/** The nftables dataplane. */
export { createNftDataplane, type NftDataplaneOptions } from './nft-dataplane.ts';
