import { expect, test } from 'bun:test';
import { X509Certificate } from 'node:crypto';
import { issueCertificate, makeAuthority } from './certificates.ts';

const now = new Date('2026-01-02T03:04:05Z');
const authority = makeAuthority('etcd-ca', now);

test('a certificate is signed by its authority, and by no other', () => {
  const { certificate } = issueCertificate(
    authority,
    {
      commonName: 'etcd-node-node2',
      dnsNames: ['node2', 'localhost'],
      addresses: ['10.210.1.12', 'fd00::12'],
    },
    now,
  );
  const parsed = new X509Certificate(certificate);
  const issuer = new X509Certificate(authority.certificate);
  expect(parsed.verify(issuer.publicKey)).toBe(true);
  expect(parsed.verify(new X509Certificate(makeAuthority('etcd-ca', now).certificate).publicKey)).toBe(false);
  expect(issuer.ca).toBe(true);
  expect(parsed.ca).toBe(false);
  expect(parsed.subject).toBe('CN=etcd-node-node2');
  expect(parsed.checkHost('node2')).toBe('node2');
  expect(parsed.checkIP('10.210.1.12')).toBe('10.210.1.12');
  expect(parsed.subjectAltName).toContain('FD00');
  expect(new Date(parsed.validFrom).toISOString()).toBe('2026-01-02T02:04:05.000Z');
});
