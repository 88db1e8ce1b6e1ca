extension CodePage {
  /// What is looked at before the first write. As with the rest of R85: `bad` is a plan that may meet it.
  static let preflight: [CodePage] = [
    CodePage(
      .missingRight, "Whoever runs the plan has not all the rights that it needs.",
      why:
        "Every verb of every course is asked for before the first write, those of a way back among them: a right that is missing in the middle of a release leaves a half-done one.",
      bad: .shop("deploy web 1.0"),
      good: .shop("namespace shop existing\n\ndeploy web 1.0"),
      fix: "`rolloutc rbac PLAN` prints the smallest roles that the plan needs; give them to whoever runs it.",
      stage: .running),
    CodePage(
      .missingHelp, "A right is missing without which a run tells less.",
      why:
        "The run goes on, but it cannot say why a pod is not ready, show a container's last lines, or see whether a Secret has its keys.",
      bad: .shop("secret mail has password\n\ndeploy web 1.0"),
      good: .shop("deploy web 1.0"),
      fix: "Give the right that the note names, or go on without.",
      stage: .running),
    CodePage(
      .missingKind, "The server does not know a kind of object that the plan writes.",
      why: "Istio or the definition of a manifest's kind is not installed, or in another version.",
      bad: .shop("deploy web 1.0"),
      good: .shop("mesh istio 1.20\n\ndeploy web 1.0"),
      fix: "Install what defines the kind, then run again.",
      stage: .running),
    CodePage(
      .namespaceUnusable, "The namespace that the plan works in is not there, or is being deleted.",
      why: "The plan says that it is somebody else's, so it is not made; what is written into one that ends is lost.",
      bad: .shop("namespace shop existing\n\ndeploy web 1.0"),
      good: .shop("namespace shop\n\ndeploy web 1.0"),
      fix: "Create it, or leave out `existing` so that the plan makes it.",
      stage: .running),
    CodePage(
      .notInjected, "Pods of the namespace get no proxy from Istio.",
      why:
        "Routes are followed by the proxy beside each caller. Without one a request reaches every version, whatever the plan says.",
      bad: .shop("namespace shop existing\n\ndeploy web 1.0"),
      good: .shop("namespace shop\n\ndeploy web 1.0"),
      fix: "Label the namespace with `istio-injection=enabled`, or with `istio.io/rev` and an installed revision.",
      stage: .running),
    CodePage(
      .secretMissing, "A Secret that the plan declares is not there, or has not the keys that the plan names.",
      why:
        "Pods that use it would never start. Only its metadata is asked for: which keys it has shows in who manages them, and no value is sent.",
      bad: .shop("secret mail has password\n\ndeploy web 1.0"),
      good: .shop("deploy web 1.0"),
      fix: "Create the Secret where secrets are kept, or correct the names in the plan.",
      stage: .running),
    CodePage(
      .quotaShort, "A quota of the namespace may be too small for the plan.",
      why:
        "Versions stand side by side while traffic moves, and each rolling update adds a pod. Pods beyond the quota are not made, and the step would wait until its time is over.",
      bad: .shop("deploy web 1.0 replicas 50"),
      good: .shop("deploy web 1.0 replicas 2"),
      fix: "Raise the quota, or lower `replicas` or `resources`.",
      stage: .running),
    CodePage(
      .webhookInTheWay, "An admission webhook may refuse what the plan writes, or trials of it.",
      why:
        "A webhook whose pods do not answer stops every write that it is called for. One with side effects makes the server refuse dry runs, so that a change cannot be shown before it is made.",
      bad: .shop("deploy web 1.0"),
      good: .shop("on failure rollback\n\nstep \"Deploy 1.0\" {\n  deploy web 1.0\n}"),
      fix: "Mend the webhook, or ask its owner.",
      stage: .running),
    CodePage(
      .outsideLimits, "A LimitRange of the namespace refuses what a pod or a volume asks for.",
      why:
        "The Deployment is taken, but each of its pods is refused, and the step would wait until its time is over. What a container does not say itself the LimitRange says for it, so that a request may exceed a limit that stands nowhere in the plan.",
      bad: .shop("deploy web 1.0"),
      good: .shop("namespace shop existing\n\ndeploy web 1.0"),
      fix: "Change `resources` or the volume's size, or ask the namespace's owner for another LimitRange.",
      stage: .running),
    CodePage(
      .routeBeside, "A route or rule of somebody else is for a host of the plan.",
      why:
        "Of several VirtualServices for one host at the same gateway Istio asks the oldest first, or it alone, whatever namespaces they are in. What stands already is asked before what the plan writes, so that the plan's visitors go on as before: the run waits for its own routes to answer, and fails.",
      bad: .shop("deploy web 1.0"),
      good: .shop("namespace shop existing\n\ndeploy web 1.0"),
      fix:
        "Take it away at a quiet moment, or take it over: `component web service NAME` gives the plan's objects its name, and `--adopt KIND/NAME` makes it the plan's. Where it belongs to another namespace, give one of both another host.",
      stage: .running),
    CodePage(
      .gatewayUnusable, "Visitors cannot come in: a Gateway of others or an ingress is not there, or not for them.",
      why:
        "Routes are bound to a Gateway by its name. Where there is none, or none of its servers has the port and a host of the `expose` line, nobody follows them, and the run would wait for their answers in vain. Any Gateway selects the pods that listen for it, by their labels, and visitors come to these by a Service: where no Service stands in front of them, or none that has the port, nobody comes in. Of this nothing is said where `--gateway` or `ROLLOUTC_GATEWAY` says where visitors come in.",
      bad: .shop("expose web on port 8080 through gateway ingress/public\n\ndeploy web 1.0"),
      good: .shop("deploy web 1.0"),
      fix:
        "Create it or correct the name, and let its owner open the port for the host; without `through gateway` the plan makes its own. That one selects `istio: ingressgateway`; where the ingress has other labels, as AKS's add-on has, `patch Gateway web-gateway \"spec: {selector: {istio: aks-istio-ingressgateway-external}}\"`.",
      stage: .running),
    CodePage(
      .withoutProxy, "Pods of the plan stand without Istio's proxy, and call others.",
      why:
        "Routes are followed by the proxy beside each caller, and a pod is given its proxy when it is made. One that is older than the namespace's label, that was made while Istio's webhook was down, or that wants none follows no route: its requests reach every version, whatever the plan says. Where nothing injects proxies at all, nothing is said.",
      bad: .tiers("namespace shop existing\n\nstep \"Start\" {\n  deploy api 1.0\n  deploy web 1.0\n}"),
      good: .tiers("step \"Start\" {\n  deploy api 1.0\n  deploy web 1.0\n}"),
      fix: "Label the namespace, then restart what stands: `kubectl rollout restart deployment/NAME -n NAMESPACE`.",
      stage: .running),
    CodePage(
      .cutOff, "`mtls strict` cuts off pods that have no proxy from Istio.",
      why:
        "From then on servers with a proxy reset what is sent in plaintext, and callers with one send mTLS to the Services of the plan, which a pod without a proxy does not speak. Of pods that the plan does not know, and of those that nobody is known to call, it is a warning: who is only called by others goes on.",
      bad: .shop("namespace shop existing\nmesh istio mtls strict\n\ndeploy web 1.0"),
      good: .shop("namespace shop existing\nmesh istio mtls permissive\n\ndeploy web 1.0"),
      fix:
        "Label the namespace, then restart what stands: `kubectl rollout restart deployment/NAME -n NAMESPACE`. Stay permissive until each pod has its proxy.",
      stage: .running),
  ]
}
