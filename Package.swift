// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
  name: "rolloutc",
  products: [
    .executable(name: "rolloutc", targets: ["rolloutc"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
  ],
  targets: [
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "CSSSelectors", swiftSettings: settings),
    .target(name: "CXML", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .systemLibrary(
      name: "CYAML",
      pkgConfig: "yaml-0.1",
      providers: [.apt(["libyaml-dev"])]
    ),
    .target(
      name: "ApplyEngine",
      dependencies: [
        "ClusterAPI", .product(name: "Crypto", package: "swift-crypto"), "Diagnostics", "KubernetesModel", "Lowering",
        "RegularExpressions", "RolloutPlan",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "ClusterAPI",
      dependencies: ["KubernetesModel", "YAMLCoding"],
      swiftSettings: settings
    ),
    .target(
      name: "CurlTransport",
      dependencies: ["CCurl", "ClusterAPI", "KubernetesModel"],
      swiftSettings: settings
    ),
    .target(name: "DiagnosticRendering", dependencies: ["Diagnostics", "KubernetesModel"], swiftSettings: settings),
    .target(name: "Diagnostics", swiftSettings: settings),
    .target(name: "HTMLText", dependencies: ["CSSSelectors", "CXML"], swiftSettings: settings),
    .target(name: "KubernetesModel", swiftSettings: settings),
    .target(
      name: "Lowering",
      dependencies: ["Diagnostics", "KubernetesModel", "RegularExpressions", "RolloutPlan"],
      swiftSettings: settings
    ),
    .target(name: "MeshModel", dependencies: ["KubernetesModel", "RegularExpressions"], swiftSettings: settings),
    .target(
      name: "Pictures",
      dependencies: ["DiagnosticRendering", "RequestTracing", "RolloutPlan", "SafetyChecks"],
      swiftSettings: settings
    ),
    .target(name: "RegularExpressions", swiftSettings: settings),
    .target(
      name: "Rehearsal",
      dependencies: [
        "ApplyEngine", "CSSSelectors", "ClusterAPI", "Diagnostics", "HTMLText", "KubernetesModel", "Lowering",
        "MeshModel", "RolloutPlan", "SafetyChecks", "Sandbox", "SandboxMesh",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "RehearsalReporting",
      dependencies: [
        "ApplyEngine", "DiagnosticRendering", "Diagnostics", "KubernetesModel", "Lowering", "Pictures", "Rehearsal",
        "RequestTracing", "RolloutPlan", "RolloutSyntax", "SafetyChecks", "YAMLCoding",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "RequestTracing",
      dependencies: ["Diagnostics", "KubernetesModel", "Lowering", "MeshModel", "RolloutPlan", "SafetyChecks"],
      swiftSettings: settings
    ),
    .target(
      name: "RolloutPlan",
      dependencies: [
        "CSSSelectors", "Diagnostics", "KubernetesModel", "RegularExpressions", "RolloutSyntax", "YAMLCoding",
      ],
      swiftSettings: settings
    ),
    .target(name: "RolloutSyntax", dependencies: ["Diagnostics"], swiftSettings: settings),
    .target(
      name: "SafetyChecks",
      dependencies: ["Diagnostics", "KubernetesModel", "Lowering", "MeshModel", "RegularExpressions", "RolloutPlan"],
      swiftSettings: settings
    ),
    .target(name: "Sandbox", dependencies: ["KubernetesModel"], swiftSettings: settings),
    .target(
      name: "SandboxMesh",
      dependencies: ["KubernetesModel", "MeshModel", "Sandbox"],
      swiftSettings: settings
    ),
    .target(
      name: "SandboxServer",
      dependencies: [
        "KubernetesModel", "MeshModel", "Sandbox", "SandboxMesh", "YAMLCoding",
        .product(name: "Hummingbird", package: "hummingbird"),
      ],
      swiftSettings: settings
    ),
    .target(name: "YAMLCoding", dependencies: ["CYAML", "KubernetesModel"], swiftSettings: settings),
    .executableTarget(
      name: "rolloutc",
      dependencies: [
        "ApplyEngine", "CSSSelectors", "ClusterAPI", "CurlTransport", "DiagnosticRendering", "Diagnostics", "HTMLText",
        "KubernetesModel", "Lowering", "MeshModel", "Pictures", "Rehearsal", "RehearsalReporting", "RequestTracing",
        "RolloutPlan", "RolloutSyntax", "SafetyChecks", "Sandbox", "SandboxMesh", "SandboxServer", "YAMLCoding",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "TestSupport",
      dependencies: [
        "ClusterAPI", "CurlTransport", "Diagnostics", "KubernetesModel", "Lowering", "RequestTracing", "RolloutPlan",
        "RolloutSyntax", "SafetyChecks",
      ],
      path: "Tests/TestSupport",
      swiftSettings: settings
    ),
    .testTarget(
      name: "ApplyEngineTests",
      dependencies: [
        "ApplyEngine", "CSSSelectors", "ClusterAPI", "CurlTransport", "Diagnostics", "HTMLText", "KubernetesModel",
        "Lowering", "Rehearsal", "RolloutPlan", "Sandbox", "SandboxMesh", "TestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "ClusterAPITests",
      dependencies: ["ClusterAPI", "CurlTransport", "KubernetesModel", "TestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "DiagnosticsTests", dependencies: ["DiagnosticRendering", "Diagnostics", "KubernetesModel", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "HTMLTextTests", dependencies: ["CSSSelectors", "HTMLText", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "KubernetesModelTests", dependencies: ["KubernetesModel", "YAMLCoding", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "LoweringTests",
      dependencies: ["Diagnostics", "KubernetesModel", "Lowering", "RolloutPlan", "TestSupport", "YAMLCoding"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "MeshModelTests", dependencies: ["MeshModel", "YAMLCoding", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "PicturesTests",
      dependencies: ["Pictures", "RequestTracing", "RolloutPlan", "SafetyChecks", "TestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "RegularExpressionsTests", dependencies: ["RegularExpressions", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "RehearsalReportingTests",
      dependencies: [
        "ApplyEngine", "Diagnostics", "Lowering", "Rehearsal", "RehearsalReporting", "RolloutPlan", "TestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "RequestTracingTests",
      dependencies: [
        "Diagnostics", "KubernetesModel", "Lowering", "MeshModel", "RequestTracing", "RolloutPlan", "SafetyChecks",
        "TestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "RehearsalTests",
      dependencies: [
        "ApplyEngine", "Diagnostics", "KubernetesModel", "Lowering", "Rehearsal", "RolloutPlan", "SafetyChecks",
        "Sandbox", "TestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "RolloutPlanTests",
      dependencies: ["DiagnosticRendering", "Diagnostics", "Lowering", "RolloutPlan", "RolloutSyntax", "TestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "RolloutSyntaxTests", dependencies: ["DiagnosticRendering", "Diagnostics", "RolloutSyntax", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "SafetyChecksTests",
      dependencies: [
        "Diagnostics", "KubernetesModel", "Lowering", "MeshModel", "RolloutPlan", "SafetyChecks", "TestSupport",
        "YAMLCoding",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "SandboxMeshTests",
      dependencies: [
        "Diagnostics", "KubernetesModel", "Lowering", "MeshModel", "RolloutPlan", "Sandbox", "SandboxMesh",
        "TestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "SandboxTests",
      dependencies: ["KubernetesModel", "Sandbox", "SandboxServer", "TestSupport", "YAMLCoding"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "RolloutcTests",
      dependencies: [
        "ApplyEngine", "ClusterAPI", "CurlTransport", "DiagnosticRendering", "Diagnostics", "KubernetesModel",
        "Lowering", "MeshModel", "RequestTracing", "rolloutc", "RolloutPlan", "SafetyChecks", "Sandbox",
        "SandboxServer", "TestSupport", "YAMLCoding",
      ],
      swiftSettings: settings
    ),
  ]
)
