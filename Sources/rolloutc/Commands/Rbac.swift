import ApplyEngine
import ArgumentParser
import KubernetesModel
import Lowering
import RolloutPlan
import YAMLCoding

struct Rbac: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rbac",
    abstract: "Print the smallest roles that a plan needs: to apply, resume, roll back and ask for its status.",
    discussion: """
      Everything that some course of the plan uses, also that of a way back, and no more. Without somebody to bind them \
      to only the roles are printed. No cluster is needed.

      Rights in a namespace can be given only once it is there. Where the plan makes its namespace, it comes first, as the \
      plan would write it; so apply the output in the plan's name, and the plan takes it for its own:

        rolloutc rbac PLAN --user ann | kubectl apply --server-side --field-manager rolloutc -f -

      EXAMPLES:
        rolloutc rbac plans/aks-voting.rollout --user ann
        rolloutc rbac plans/aks-voting.rollout --service-account ci/deployer -o json
      """)

  @OptionGroup var options: PlanOptions

  @Option(name: [.customShort("o", allowingJoined: true), .long], help: "The form of the output.")
  var output: OutputFormat = .yaml

  @Option(help: ArgumentHelp("Bind the roles to this account.", valueName: "namespace/name"))
  var serviceAccount: String?

  @Option(help: ArgumentHelp("Bind the roles to this user.", valueName: "name"))
  var user: String?

  @Option(help: ArgumentHelp("Bind the roles to this group.", valueName: "name"))
  var group: String?

  func validate() throws {
    if [serviceAccount, user, group].compactMap({ $0 }).count > 1 {
      throw ValidationError("choose one of --service-account, --user and --group")
    }
    if let serviceAccount {
      guard let parts = serviceAccountParts else {
        throw ValidationError("`--service-account \(serviceAccount)` is not NAMESPACE/NAME")
      }
      if let problem = namespaceProblem(parts.namespace) {
        throw ValidationError("`--service-account \(serviceAccount)`: `\(parts.namespace)` is no namespace: \(problem)")
      }
      if let problem = dnsSubdomainProblem(parts.name) {
        throw ValidationError(
          "`--service-account \(serviceAccount)`: `\(parts.name)` is no name of an account: \(problem)")
      }
    }
    for (option, name) in [("--user", user), ("--group", group)] where name?.isEmpty ?? false {
      throw ValidationError("`\(option)` names nobody")
    }
  }

  private var serviceAccountParts: (namespace: String, name: String)? {
    let parts = (serviceAccount ?? "").split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    return (parts[0], parts[1])
  }

  private var subject: AccessSubject? {
    if let user { return .user(user) }
    if let group { return .group(group) }
    return serviceAccountParts.map { .serviceAccount(namespace: $0.namespace, name: $0.name) }
  }

  func run() throws {
    let (plan, compiled, _) = try options.request.compiled()
    let roles = AccessRoles(Itinerary(plan, compiled), subject: subject)
    switch output {
    case .yaml: IO.standardOutput(Array(roles.objects.map { Array("---\n".utf8) + yamlBytes($0) }.joined()))
    case .json:
      let list: Value = ["apiVersion": "v1", "kind": "List", "items": .array(roles.objects)]
      IO.standardOutput(jsonBytes(list, pretty: true) + [0x0A])
    }
  }
}
