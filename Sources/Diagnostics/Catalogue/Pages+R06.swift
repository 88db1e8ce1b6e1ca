extension CodePage {
  private static let deploy = "deploy web 1.0"
  private static let body = "  image registry.example.com/web\n  port 8080 http\n"

  static let output: [CodePage] = [
    CodePage(
      .nameTooLong, "An object would get a name of more than 63 characters.",
      why: "A Deployment is named after the component's Service and the version, and its name becomes a label value.",
      bad: """
        plan shop
        language 1

        component recommendations-for-returning-customers-of-the-online-stores {
          image registry.example.com/recommendations
          version 1.0
        }
        """,
      good: """
        plan shop
        language 1

        component recommendations-for-returning-customers-of-the-online-stores service recommendations {
          image registry.example.com/recommendations
          version 1.0
        }
        """,
      fix: "Shorten the component's name, or give it a shorter one in Kubernetes with `service`."
    ),
    CodePage(
      .nameCollision, "Two objects would get the same name.",
      why: "In names `.` and `_` both become `-`, and letters become small: `1.0` and `1-0` are one Deployment.",
      bad: .shop(web: body + "  version 1.0, 1-0", deploy),
      good: .shop(web: body + "  version 1.0, 1.1", deploy),
      fix: "Rename one of the two."
    ),
    CodePage(
      .mutableImageTag, "An image has a tag that is moved from time to time.",
      why:
        "`latest` can be another image tomorrow: a new pod would run what nobody has reviewed, and a rollback would not bring the old one back.",
      bad: .shop(web: "  image registry.example.com/web:latest\n  port 8080 http\n  version 1.0", deploy),
      good: .shop(web: "  image registry.example.com/web:1.0.4\n  port 8080 http\n  version 1.0", deploy),
      fix: "Use a tag that is never moved, or a digest: `@sha256:…`."
    ),
    CodePage(
      .portWithoutProtocol, "A port does not say what it speaks.",
      why:
        "Istio routes http by request and everything else by connection; a port without a protocol is taken for tcp, and cookies and headers mean nothing there.",
      bad: .shop(web: "  image registry.example.com/web\n  port 8080\n  version 1.0", deploy),
      good: .shop(web: body + "  version 1.0", deploy),
      fix: "Write the protocol behind the number."
    ),
    CodePage(
      .unknownServicePort, "A health check asks a port that the version does not declare.",
      why:
        "Mostly the number is a slip, and the pod would never become ready: in `ready when` and `live when`, and in a check that a patch brings. The kubelet asks the container itself: behind `target` stands where it listens.",
      bad: .shop(web: body + "  ready when GET /health on 9090\n  version 1.0", deploy),
      good: .shop(web: body + "  ready when GET /health on 8080\n  version 1.0", deploy),
      fix: "Use a declared port, or declare this one."
    ),
    CodePage(
      .missingImage, "A version has no image.",
      why: "There would be nothing to run.",
      bad: .shop(web: "  port 8080 http\n  version 1.0", deploy),
      good: .shop(web: body + "  version 1.0", deploy),
      fix: "Write `image IMAGE` in the component, where each version is its tag, or in the version."
    ),
    CodePage(
      .sameImageForVersions, "Several versions would run the same image.",
      why: "An image with a tag stands above several versions, so they differ in name only.",
      bad: .shop(web: "  image registry.example.com/web:1.0\n  port 8080 http\n  version 1.0, 2.0", deploy),
      good: .shop(web: body + "  version 1.0, 2.0", deploy),
      fix: "Leave the tag out, and each version is its own tag; or write an image in each version."
    ),
    CodePage(
      .missingPort, "A version that is exposed, called or asked by a health check has no port.",
      why:
        "There is nothing to send requests to, or nothing that `ready when` and `live when` could ask: GET without a number asks the first port that speaks http.",
      bad: .shop(web: "  image registry.example.com/web\n  version 1.0", deploy),
      good: .shop(web: body + "  version 1.0", deploy),
      fix:
        "Write `port NUMBER PROTOCOL` in the component or in the version. Where nobody calls it, and only the kubelet asks, say where: `ready when GET /healthz on 8081`."
    ),
    CodePage(
      .protocolClash, "One port has two protocols, or stands twice.",
      why:
        "One Service serves all versions of a component, and each of its ports speaks one protocol. In each version it finds the container's port by a name, and a port has one.",
      bad: .shop(
        web:
          "  image registry.example.com/web\n  version 1.0 {\n    port 8080 http\n  }\n  version 2.0 {\n    port 8080 tcp\n  }",
        deploy),
      good: .shop(
        web:
          "  image registry.example.com/web\n  version 1.0 {\n    port 8080 http\n  }\n  version 2.0 {\n    port 8081 http2\n  }",
        deploy),
      fix: "Give the new protocol another port, and each port of a version a `target` of its own."
    ),
    CodePage(
      .sharedVolume, "Several pods would write one volume.",
      why: "A volume is ReadWriteOnce: two pods that mount it lose data, or one of them never starts.",
      bad: .shop(web: body + "  volume uploads 1Gi at /data\n  version 1.0", "deploy web 1.0 replicas 2"),
      good: .shop(web: body + "  volume uploads 1Gi at /data\n  version 1.0", deploy),
      fix:
        "Give each version and component a volume of its own, and one replica. Or stop the version that has the volume before the next one is deployed, and say that the pause is right: `deploy web 1.0 replicas 0  # rolloutc: allow downtime -- REASON`."
    ),
    CodePage(
      .secretInManifest, "A manifest holds a Secret with data.",
      why: "A plan and its files are reviewed, stored and printed; secrets are not.",
      bad: .shop(
        "manifest extra.yaml\n\n" + deploy,
        files: [
          (
            "extra.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: payments\nstringData:\n  TOKEN: hunter2\n"
          )
        ]),
      good: .shop("secret payments has TOKEN\n\n" + deploy),
      fix: "Keep the Secret where secrets are kept, and declare it: `secret NAME has KEY`."
    ),
    CodePage(
      .badManifest, "A file that `manifest` names holds something that is no Kubernetes object.",
      why:
        "Each document needs `apiVersion`, `kind` and `metadata.name`, or the cluster would refuse it in the middle of a run.",
      bad: .shop(
        "manifest extra.yaml\n\n" + deploy, files: [("extra.yaml", "kind: ConfigMap\ndata:\n  colour: blue\n")]),
      good: .shop(
        "manifest extra.yaml\n\n" + deploy,
        files: [("extra.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: colours\ndata:\n  colour: blue\n")]),
      fix: "Mend the file."
    ),
    CodePage(
      .patchWithoutTarget, "A patch is for an object that no step writes.",
      why:
        "A patch that reaches nothing is mostly a slip in the kind or the name. A Service, and the routes and rules of a component, belong to all its versions.",
      bad: .shop("patch service of web 1.0 \"metadata: {annotations: {team: web}}\"\n\n" + deploy),
      good: .shop("patch service of web \"metadata: {annotations: {team: web}}\"\n\n" + deploy),
      fix: "Name an object that `rolloutc build` writes; only `deployment of` takes a version."
    ),
    CodePage(
      .exposeNeedsTLS, "Port 443 is exposed without a certificate.",
      why:
        "Browsers speak TLS there, and the gateway would have nothing to answer with. A component that speaks `https` or `tls` itself needs none: its connections are passed on.",
      bad: """
        plan shop
        language 1

        expose web on port 443 hosts shop.example.com

        component web {
          image registry.example.com/web
          port 8080 http
          version 1.0
        }

        deploy web 1.0
        """,
      good: """
        plan shop
        language 1

        expose web on port 443 hosts shop.example.com tls secret shop-cert

        component web {
          image registry.example.com/web
          port 8080 http
          version 1.0
        }

        deploy web 1.0
        """,
      fix: "Write `tls secret NAME`; the Secret stands beside the gateway and needs no declaration."
    ),
    CodePage(
      .exposeConflict, "Two `expose` lines ask for the same way in.",
      why:
        "At one port, host and path only one component can answer, and one certificate is for a host; a component has one way in at each port.",
      bad: .tiers("expose api on port 80"),
      good: .tiers("expose api on port 80 path /api"),
      fix: "Give one of them another port, host or path."
    ),
    CodePage(
      .protectedField, "A patch changes a field by which rolloutc finds its objects again.",
      why:
        "Names, namespaces, selectors and ownership labels decide which object is which; a changed one would leave the old object behind, with traffic on it.",
      bad: .shop("patch service of web \"spec: {selector: {app: other}}\"\n\n" + deploy),
      good: .shop("patch service of web \"spec: {sessionAffinity: ClientIP}\"\n\n" + deploy),
      fix: "Remove the field from the patch. Another name in Kubernetes is written `component NAME service OTHER`."
    ),
    CodePage(
      .reservedPort, "A container or a gateway is to listen on a port of the mesh's own proxy.",
      why: "The proxy runs in each pod and holds 15000 to 15090 in part (Istio: ports used by Istio).",
      bad: .shop(web: "  image registry.example.com/web\n  port 15001 http\n  version 1.0", deploy),
      good: .shop(web: body + "  version 1.0", deploy),
      fix: "Let the container listen on another port, and visitors come in by another one."
    ),
    CodePage(
      .noVersions, "A component has no version.",
      why: "There would be nothing to deploy.",
      bad: """
        plan shop
        language 1

        component web {
          image registry.example.com/web
          port 8080 http
        }
        """,
      good: """
        plan shop
        language 1

        component web {
          image registry.example.com/web
          port 8080 http
          version 1.0
        }
        """,
      fix: "Write `version 1.0` in the component."
    ),
    CodePage(
      .serverFirstPlaintext, "A protocol in which the server speaks first meets a permissive server.",
      why:
        "A permissive server's proxy waits for the client's first bytes to tell TLS from plaintext, and a plaintext client of MySQL waits for the server's (istio/istio#35232). Servers are permissive with `mtls permissive`, and where nothing is said: that is what Istio does by itself. Pods of the mesh speak TLS to it, and are served.",
      bad: """
        plan shop
        language 1

        mesh istio mtls permissive

        component store {
          image registry.example.com/store
          port 3306 mysql
          version 1.0
        }
        """,
      good: """
        plan shop
        language 1

        mesh istio mtls strict

        component store {
          image registry.example.com/store
          port 3306 mysql
          version 1.0
        }
        """,
      fix: "Use `mtls strict`, or keep plaintext clients away and allow it with that reason."
    ),
    CodePage(
      .notFollowed, "An object decides about requests, and the proof does not follow it.",
      why:
        "The proof knows Services, Deployments, StatefulSets, DaemonSets, VirtualServices, DestinationRules, Gateways, PeerAuthentications and the label of the namespace. An AuthorizationPolicy, a NetworkPolicy, a Sidecar, an EnvoyFilter, a ServiceEntry and their like may stop a request, or lead it elsewhere, and so may rules of your own VirtualService for paths and hosts that the plan does not know, a `delegate`, a `redirect`, and limits of a DestinationRule. Where nothing of them is in the way, the proof holds as it is.",
      bad: .shop(
        "manifest deny.yaml\n\n" + deploy,
        files: [
          (
            "deny.yaml",
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: deny\nspec: {}\n"
          )
        ]),
      good: .shop(
        "# rolloutc: allow not-followed -- it lets everybody of this namespace in\nmanifest allow.yaml\n\n" + deploy,
        files: [
          (
            "allow.yaml",
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: allow\nspec:\n  rules: [{}]\n"
          )
        ]),
      fix: "Look at the object, rehearse the plan, and allow it with the reason why it stops nobody."
    ),
    CodePage(
      .tlsEndsEarly, "TLS ends at the gateway in front of a port that waits for it.",
      why:
        "With `tls secret` the gateway takes the TLS off, and the pods get what was in it. A port that speaks `https` or `tls` waits for a handshake that never comes, and the client of a protocol in which the server speaks first never begins one.",
      bad: """
        plan shop
        language 1

        expose web on port 443 hosts shop.example.com tls secret shop-tls

        component web {
          image registry.example.com/web
          port 8443 https
          version 1.0
        }

        deploy web 1.0
        """,
      good: """
        plan shop
        language 1

        expose web on port 443

        component web {
          image registry.example.com/web
          port 8443 https
          version 1.0
        }

        deploy web 1.0
        """,
      fix:
        "Leave `tls secret` out: the gateway then passes the connection on as it is. Or let the component speak plain `http` inside, where mutual TLS protects it."
    ),
    CodePage(
      .guessedPort, "A component has several ports, and which of them visitors are meant for is not said.",
      why:
        "Visitors are led to the port that has the number of the `expose` line; where none has, to the first http one, and where no port speaks http, to the first. Behind another number that may be a page for operators.",
      bad: """
        plan shop
        language 1

        expose queue on port 5671

        component queue {
          image registry.example.com/queue
          port 5672 tcp
          port 15672 http
          version 1.0
        }

        deploy queue 1.0
        """,
      good: """
        plan shop
        language 1

        expose queue on port 5672

        component queue {
          image registry.example.com/queue
          port 5672 tcp
          port 15672 http
          version 1.0
        }

        deploy queue 1.0
        """,
      fix: "Expose the number of the port that is meant, or allow the lint where the port that it names is meant."
    ),
    CodePage(
      .unknownField, "A patch sets a field that objects of this kind do not have.",
      why:
        "Most likely it is a slip: a server refuses it when the plan is applied, and an older one drops it, so that the patch has no effect. Known are the fields of Kubernetes 1.33 and Istio 1.27, not all the way down; later versions have more.",
      bad: .shop("patch deployment of web \"spec: {minReadySecond: 5}\"\n\n" + deploy),
      good: .shop("patch deployment of web \"spec: {minReadySeconds: 5}\"\n\n" + deploy),
      fix: "Write the field's name, or allow the lint where the cluster knows it."
    ),
  ]
}
