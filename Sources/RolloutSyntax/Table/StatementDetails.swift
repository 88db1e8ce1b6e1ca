/// What a statement means in full, and how it is written: for the reference pages, for hover, and for the tests, which
/// parse every example. The statement's own row says where it may stand.
package struct StatementDetails: Sendable {
  /// Paragraphs, in Markdown, separated by empty lines.
  package var meaning: String
  /// Each a statement as it stands in the first place that its row names; the first is the one the reference shows first.
  package var examples: [String]

  init(_ meaning: String, _ examples: [String]) {
    self.meaning = meaning
    self.examples = examples
  }
}

extension StatementTable {
  package static func details(of form: Form) -> StatementDetails {
    switch form {
    case .plan, .language, .include, .namespace, .mesh, .routing, .expose, .manifest, .patch:
      planDetails(form)
    case .parameter, .environment, .secret, .component, .release, .cookie, .header, .probe, .pattern, .metric, .step,
      .onFailure, .rehearsal:
      declarationDetails(form)
    case .deploy, .route, .unroute, .mirror, .shift, .verify, .wait, .pause, .approve, .retire, .rollback, .mtls:
      stepDetails(form)
    case .image, .pull, .port, .replicas, .calls, .args, .env, .volume, .resources, .ready, .live, .version:
      settingDetails(form)
    case .member, .context, .require, .override, .stub, .expect:
      blockDetails(form)
    }
  }
}
