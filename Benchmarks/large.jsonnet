// N components with two versions each, both releases deployed: what Benchmarks/make_plan.py writes as a plan.
function(n) (
  local count = std.parseInt(n);
  local ns = 'large';
  local fqdn(name) = name + '.' + ns + '.svc.cluster.local';
  local meta(name, app) = { name: name, namespace: ns, labels: { app: app, 'app.kubernetes.io/managed-by': 'jsonnet', 'app.kubernetes.io/part-of': ns } };
  local versions = ['1.0', '2.0'];
  local slug(v) = std.strReplace(v, '.', '-');
  local destination(app, v) = [{ destination: { host: fqdn(app), subset: 'v' + slug(v), port: { number: 8080 } } }];
  std.flattenArrays([
    local app = 'c' + i;
    local parent = 'c' + std.floor((i - 1) / 2);
    [
      { apiVersion: 'v1', kind: 'Service', metadata: meta(app, app), spec: { ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'http', targetPort: 'http' }], selector: { app: app } } },
      { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: meta(app, app), spec: { host: fqdn(app), trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } }, subsets: [{ name: 'v' + slug(v), labels: { app: app, version: v } } for v in versions] } },
      { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: meta(app, app), spec: { hosts: [fqdn(app)], http: (if i == 0 then [] else [
        { name: 'lane-' + parent + '-' + v, match: [{ sourceLabels: { app: parent, version: v } }], route: destination(app, v) }
        for v in versions
      ]) + [{ name: 'default', route: destination(app, '1.0') }] } },
    ] + [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: meta(app + '-' + slug(v), app),
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: app, version: v } },
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          template: {
            metadata: { labels: { app: app, version: v } },
            spec: { containers: [{ name: app, image: 'registry.example.com/team/' + app + ':' + v, ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }], readinessProbe: { tcpSocket: { port: 'http' } }, env: [{ name: 'MODE', value: 'production' }] }] },
          },
        },
      }
      for v in versions
    ]
    for i in std.range(0, count - 1)
  ])
)
