@main enum Rolloutc { static func main() {} }
