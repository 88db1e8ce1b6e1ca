import ArgumentParser

@main
struct Empty: ParsableCommand {
  mutating func run() {}
}
