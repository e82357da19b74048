/**
 * X.509 certificates for the lab's etcd: an authority, and certificates for server and client use in one, as Kubespray
 * makes them. P-256 keys; the few DER structures that this needs are written here (RFC 5280).
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { addressToBytes, parseAddress } from '../ip/index.ts';

/** A certificate with its key, PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** An authority: what is needed to issue. */
export interface Authority extends Certificate {
  readonly name: string;
}

/** Who a certificate is for. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
}

const oid = {
  commonName: [0x55, 0x04, 0x03],
  ecdsaSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  basicConstraints: [0x55, 0x1d, 0x13],
  keyUsage: [0x55, 0x1d, 0x0f],
  extendedKeyUsage: [0x55, 0x1d, 0x25],
  subjectAlternativeName: [0x55, 0x1d, 0x11],
  serverAuth: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
  clientAuth: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02],
} as const;

const tag = {
  boolean: 1,
  integer: 2,
  bits: 3,
  octets: 4,
  oid: 6,
  utf8: 12,
  utcTime: 23,
  sequence: 48,
  set: 49,
} as const;

/** Makes an authority that is valid for ten years from `now`. */
export function makeAuthority(name: string, now: Date): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = [
    extension(oid.basicConstraints, true, der(tag.sequence, der(tag.boolean, Buffer.from([0xff])))),
    // keyCertSign and cRLSign.
    extension(oid.keyUsage, true, der(tag.bits, Buffer.from([1, 0x06]))),
  ];
  const certificate = signed({ issuer: name, subject: name, publicKey, signer: privateKey, extensions, now });
  return { name, certificate, key: pemOf(privateKey) };
}

/** Issues a certificate that is valid for ten years from `now`. */
export function issueCertificate(authority: Authority, request: CertificateRequest, now: Date): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = [
    ...request.dnsNames.map((name) => der(0x82, Buffer.from(name))),
    ...request.addresses.map((address) => der(0x87, addressToBytes(parseAddress(address)))),
  ];
  const usages = [oid.serverAuth, oid.clientAuth].map((id) => der(tag.oid, Buffer.from(id)));
  const extensions = [
    extension(oid.basicConstraints, true, der(tag.sequence)),
    // digitalSignature and keyEncipherment.
    extension(oid.keyUsage, true, der(tag.bits, Buffer.from([5, 0xa0]))),
    extension(oid.extendedKeyUsage, false, der(tag.sequence, ...usages)),
    ...(names.length > 0 ? [extension(oid.subjectAlternativeName, false, der(tag.sequence, ...names))] : []),
  ];
  const signer = createPrivateKey(authority.key);
  const certificate = signed({
    issuer: authority.name,
    subject: request.commonName,
    publicKey,
    signer,
    extensions,
    now,
  });
  return { certificate, key: pemOf(privateKey) };
}

interface Unsigned {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly now: Date;
}

function signed({ issuer, subject, publicKey, signer, extensions, now }: Unsigned): string {
  const algorithm = der(tag.sequence, der(tag.oid, Buffer.from(oid.ecdsaSha256)));
  const serial = randomBytes(16);
  // Positive, and without a leading zero byte.
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  // An hour back: clocks of hosts differ.
  const from = new Date(now.getTime() - 3_600_000);
  const until = new Date(now.getTime() + 10 * 365 * 86_400_000);
  const body = der(
    tag.sequence,
    der(0xa0, der(tag.integer, Buffer.from([2]))),
    der(tag.integer, serial),
    algorithm,
    distinguishedName(issuer),
    der(tag.sequence, time(from), time(until)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(tag.sequence, ...extensions)),
  );
  const signature = der(tag.bits, Buffer.from([0]), sign('sha256', body, signer));
  const lines = der(tag.sequence, body, algorithm, signature)
    .toString('base64')
    .match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function distinguishedName(commonName: string): Buffer {
  const text = der(tag.utf8, Buffer.from(commonName));
  return der(tag.sequence, der(tag.set, der(tag.sequence, der(tag.oid, Buffer.from(oid.commonName)), text)));
}

function extension(id: readonly number[], critical: boolean, value: Buffer): Buffer {
  return der(
    tag.sequence,
    der(tag.oid, Buffer.from(id)),
    ...(critical ? [der(tag.boolean, Buffer.from([0xff]))] : []),
    der(tag.octets, value),
  );
}

/** UTCTime: two digits of the year, which serves until 2049. */
function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:T]/g, '')
    .slice(2);
  return der(tag.utcTime, Buffer.from(`${digits}Z`));
}

function der(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const size =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([type, ...size]), body]);
}
