/// A value that must not be shown: tokens, passwords and private keys. Printing, interpolating or dumping it gives a
/// mask, so that no error message, log line or test failure can hold it; `revealed` is the one way in, and easy to find.
package struct Secret<Wrapped: Hashable & Sendable>: Hashable, Sendable {
  package let revealed: Wrapped

  package init(_ value: Wrapped) { revealed = value }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "‹hidden›" }
  package var debugDescription: String { "‹hidden›" }
  /// `dump` and `Mirror` read children, not descriptions; there are none to read.
  package var customMirror: Mirror { Mirror(self, children: [] as [Mirror.Child]) }
}
