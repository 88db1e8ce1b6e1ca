// The voting release as a person would write it in jsonnet: functions for the kinds, one list per step.
local ns = 'voting';
local fqdn(name) = name + '.' + ns + '.svc.cluster.local';
local slug(version) = std.strReplace(version, '.', '-');
local meta(name, app=null) = {
  name: name,
  namespace: ns,
  labels: { 'app.kubernetes.io/managed-by': 'jsonnet', 'app.kubernetes.io/part-of': ns } + (if app == null then {} else { app: app }),
};
local secretEnv(keys) = [
  { name: key, valueFrom: { secretKeyRef: { name: 'voting-storage-secret', key: key } } }
  for key in keys
];
local env(vars) = [{ name: key, value: vars[key] } for key in std.objectFields(vars)];
local deployment(app, version, image, port, portName, replicas=1, env=[], args=null, claim=null) = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: meta(app + '-' + slug(version), app),
  spec: {
    replicas: replicas,
    selector: { matchLabels: { app: app, version: version } },
    strategy: if claim == null then { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } else { type: 'Recreate' },
    template: {
      metadata: { labels: { app: app, version: version } },
      spec: {
        containers: [{
          name: app,
          image: image,
          imagePullPolicy: 'Always',
          ports: [{ name: portName, containerPort: port, protocol: 'TCP' }],
          readinessProbe: { tcpSocket: { port: portName } },
          [if std.length(env) > 0 then 'env']: env,
          [if args != null then 'args']: args,
          [if claim != null then 'volumeMounts']: [{ name: claim, mountPath: '/var/lib/mysql' }],
        }],
        [if claim != null then 'volumes']: [{ name: claim, persistentVolumeClaim: { claimName: claim } }],
      },
    },
  },
};
local service(app, ports) = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(app, app),
  spec: {
    ports: [{ name: p[0], port: p[1], protocol: 'TCP', appProtocol: p[0], targetPort: p[0] } for p in ports],
    selector: { app: app },
  },
};
local rule(app, versions) = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: meta(app, app),
  spec: {
    host: fqdn(app),
    trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } },
    subsets: [{ name: 'v' + slug(v), labels: { app: app, version: v } } for v in versions],
  },
};
local destination(app, version, port) = [{ destination: { host: fqdn(app), subset: 'v' + slug(version), port: { number: port } } }];
local lane(caller, app, version, port) = {
  name: 'lane-' + caller[0] + '-' + caller[1],
  match: [{ sourceLabels: { app: caller[0], version: caller[1] } }],
  route: destination(app, version, port),
};
local route(app, name, hosts, gateways, http=null, tcp=null) = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: meta(name, app),
  spec: { hosts: hosts, [if gateways != null then 'gateways']: gateways, [if http != null then 'http']: http, [if tcp != null then 'tcp']: tcp },
};
local entry(rules, version) = route('voting-app', 'voting-app', ['*'], ['voting-app-gateway'], http=rules + [{
  name: 'default',
  match: [{ uri: { prefix: '/' } }],
  route: destination('voting-app', version, 8080),
}]);
local mesh(version) = route('voting-app', 'voting-app-mesh', [fqdn('voting-app')], null, http=[{ name: 'default', route: destination('voting-app', version, 8080) }]);
local analytics(lanes, version) = route('voting-analytics', 'voting-analytics', [fqdn('voting-analytics')], null,
                                        http=[lane(['voting-app', l[0]], 'voting-analytics', l[1], 8080) for l in lanes]
                                             + [{ name: 'default', route: destination('voting-analytics', version, 8080) }]);
local storage(lanes) = route('voting-storage', 'voting-storage', [fqdn('voting-storage')], null, tcp=[
  { match: [{ port: l.port, sourceLabels: { app: c[0], version: c[1] } } for c in l.callers] + [{ port: l.port }], route: destination('voting-storage', l.version, l.port) }
  for l in lanes
]);
local cookie = { name: 'cookie-featureflag-on', match: [{ uri: { prefix: '/' }, headers: { cookie: { regex: '(?:.*;[ \t]*)?featureflag=on(?:[ \t]*;.*)?' } } }], route: destination('voting-app', '2.0', 8080) };
local image(name, version) = 'mcr.microsoft.com/aks/samples/voting/' + name + ':' + version;
local flags = { SHOWDETAILS: 'true', FEATUREFLAG: 'true', ANALYTICS_HOST: 'voting-analytics' };
local mysql = ['MYSQL_USER', 'MYSQL_PASSWORD', 'MYSQL_DATABASE'];
local one = { callers: [['voting-app', '1.0'], ['voting-analytics', '1.0'], ['voting-analytics', '1.1']], version: '1.0', port: 6379 };
local two = { callers: [['voting-app', '2.0'], ['voting-analytics', '2.0']], version: '2.0', port: 3306 };

local step1 = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns, labels: { 'istio-injection': 'enabled' } } },
  service('voting-storage', [['redis', 6379]]),
  service('voting-analytics', [['http', 8080]]),
  service('voting-app', [['http', 8080]]),
  { apiVersion: 'networking.istio.io/v1', kind: 'Gateway', metadata: meta('voting-app-gateway'), spec: { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] } },
  rule('voting-storage', ['1.0']),
  rule('voting-analytics', ['1.0']),
  rule('voting-app', ['1.0']),
  storage([one]),
  analytics([['1.0', '1.0']], '1.0'),
  mesh('1.0'),
  deployment('voting-storage', '1.0', 'redis:4.0.10', 6379, 'redis'),
  deployment('voting-analytics', '1.0', image('analytics', '1.0'), 8080, 'http', env=env({ REDIS_HOST: 'voting-storage' })),
  deployment('voting-app', '1.0', image('app', '1.0'), 8080, 'http', 3, env(flags { REDIS_HOST: 'voting-storage' })),
  entry([], '1.0'),
  { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', metadata: meta('default'), spec: { mtls: { mode: 'STRICT' } } },
];
local step2 = [
  rule('voting-analytics', ['1.0', '1.1']),
  storage([one]),
  deployment('voting-analytics', '1.1', image('analytics', '1.1'), 8080, 'http', env=env({ REDIS_HOST: 'voting-storage' })),
  analytics([['1.0', '1.1']], '1.1'),
];
local step3 = [
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: meta('mysql-pv-claim'), spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  service('voting-storage', [['redis', 6379], ['mysql', 3306]]),
  rule('voting-storage', ['1.0', '2.0']),
  rule('voting-analytics', ['1.0', '1.1', '2.0']),
  rule('voting-app', ['1.0', '2.0']),
  storage([one, two]),
  analytics([['1.0', '1.1'], ['2.0', '2.0']], '1.1'),
  deployment('voting-storage', '2.0', image('storage', '2.0'), 3306, 'mysql', env=secretEnv(['MYSQL_ROOT_PASSWORD'] + mysql), args=['--ignore-db-dir=lost+found'], claim='mysql-pv-claim'),
  deployment('voting-analytics', '2.0', image('analytics', '2.0'), 8080, 'http', env=env({ MYSQL_HOST: 'voting-storage' }) + secretEnv(mysql)),
  deployment('voting-app', '2.0', image('app', '2.0'), 8080, 'http', 3, env(flags { MYSQL_HOST: 'voting-storage' }) + secretEnv(mysql)),
  entry([cookie], '1.0'),
];
local step4 = [
  entry([], '2.0'),
  mesh('2.0'),
  analytics([['2.0', '2.0']], '2.0'),
  storage([two]),
  rule('voting-app', ['2.0']),
  rule('voting-analytics', ['2.0']),
  rule('voting-storage', ['2.0']),
  service('voting-storage', [['mysql', 3306]]),
];
step1 + step2 + step3 + step4
