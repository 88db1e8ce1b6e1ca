// swift-tools-version: 6.2
import PackageDescription

// An empty command, linked the way rolloutc is: what the process costs before it does anything.
let package = Package(
  name: "Empty",
  dependencies: [.package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")],
  targets: [
    .executableTarget(
      name: "Empty", dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")])
  ]
)
