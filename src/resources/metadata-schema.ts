/** Metadata as Go decodes it (metav1.ObjectMeta). */
import { any, field, integer, list, map, string, struct, time } from './schema.ts';

/** Schema of `metadata`. */
export const metadataSchema = struct('ObjectMeta', {
  name: field(string),
  generateName: field(string),
  namespace: field(string),
  selfLink: field(string),
  uid: field(string),
  resourceVersion: field(string),
  generation: field(integer('int64')),
  creationTimestamp: field(time),
  deletionTimestamp: field(time),
  deletionGracePeriodSeconds: field(integer('int64')),
  labels: field(map(string)),
  annotations: field(map(string)),
  ownerReferences: field(list(any)),
  finalizers: field(list(string)),
  clusterName: field(string),
  managedFields: field(list(any)),
});
