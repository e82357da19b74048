import { describe, expect, test } from 'bun:test';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFromEnvironment, loadConfig, parseConfig } from './config.ts';
import { connect, etcdOptionsOf } from './connect.ts';
import { failureOf } from './contract.ts';

describe('configuration of the datastore', () => {
  test('environment: the CALICO_ form wins, empty values do not count, etcd is the default', () => {
    expect(configFromEnvironment({})).toEqual({ datastoreType: 'etcdv3' });
    expect(
      configFromEnvironment({
        ETCD_ENDPOINTS: 'http://a:1',
        CALICO_ETCD_ENDPOINTS: 'http://b:2',
        ETCD_USERNAME: '',
      }),
    ).toEqual({ datastoreType: 'etcdv3', etcdEndpoints: 'http://b:2' });
    expect(configFromEnvironment({ KUBECONFIG: '/k' }).datastoreType).toBe('kubernetes');
    expect(configFromEnvironment({ KUBECONFIG: '/k', ETCD_ENDPOINTS: 'http://a:1' }).datastoreType).toBe(
      'etcdv3',
    );
    expect(() => configFromEnvironment({ DATASTORE_TYPE: 'Kubernetes' })).toThrow(
      'unknown datastore type: Kubernetes',
    );
  });

  test('a file is the only source; one that was asked for must exist', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'calico-config-'));
    const file = join(directory, 'calicoctl.cfg');
    writeFileSync(
      file,
      'apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nmetadata:\nspec:\n  etcdEndpoints: "https://10.0.0.1:2379"\n',
    );
    expect(await loadConfig({ file, env: { ETCD_ENDPOINTS: 'http://ignored:1' } })).toEqual({
      datastoreType: 'etcdv3',
      etcdEndpoints: 'https://10.0.0.1:2379',
    });
    expect(await failureOf(loadConfig({ file: `${file}.none`, env: {} }))).toBe(
      `Error reading config file: ${file}.none`,
    );
  });

  test.each([
    ['', 'not a configuration'],
    ['apiVersion: v1\nkind: calicoApiConfig', "unknown APIVersion 'v1'"],
    ['apiVersion: projectcalico.org/v3\nkind: X', "expected kind 'CalicoAPIConfig', got 'X'"],
    ['apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nspec: {x: 1}', 'unknown field "spec.x"'],
    ['apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nspecs: {}', 'unknown field "specs"'],
    ['a: [', 'syntax error in f:'],
  ])('refuses %p', async (text, message) => {
    expect(await failureOf(parseConfig(text, 'f'))).toContain(message);
  });

  test('what excludes what', async () => {
    const options = (fields: Record<string, string>) =>
      failureOf(etcdOptionsOf({ datastoreType: 'etcdv3', ...fields }));
    expect(await options({})).toBe('no etcd endpoints specified');
    expect(await options({ etcdEndpoints: 'http://a:1', etcdDiscoverySrv: 'b' })).toContain(
      'multiple discovery',
    );
    expect(await options({ etcdEndpoints: 'http://a:1', etcdKey: 'x', etcdCertFile: 'y' })).toContain(
      'Cannot mix inline',
    );
    expect(await options({ etcdEndpoints: 'http://a:1', etcdKeyFile: '/no/such' })).toContain(
      'cannot read /no/such',
    );
    expect(
      await etcdOptionsOf({ datastoreType: 'etcdv3', etcdEndpoints: 'http://a:1, https://b:2' }),
    ).toEqual({
      endpoints: ['http://a:1', 'https://b:2'],
      tls: {},
    });
    expect(await failureOf(connect({ datastoreType: 'etcdv3', etcdEndpoints: 'ftp://a' }))).toContain(
      'not an etcd endpoint',
    );
  });
});
