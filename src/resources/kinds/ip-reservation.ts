import { field, list, string, struct, type TypeOf } from '../schema.ts';

/** Spec of an IPReservation; upstream: api/pkg/apis/projectcalico/v3/ipreservation.go. */
export const ipReservationSpec = struct('IPReservationSpec', {
  reservedCIDRs: field(list(string), { go: 'ReservedCIDRs', rule: 'cidrs' }),
});

/** See {@link ipReservationSpec}. */
export type IPReservationSpec = TypeOf<typeof ipReservationSpec>;
