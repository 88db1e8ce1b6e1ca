/// Whether the value of a variable with this name is most likely a secret: `DB_PASSWORD`, `API_TOKEN`,
/// `AWS_SECRET_ACCESS_KEY`. What ends in another word is about one, and none: `TOKEN_URL`, `PASSWORD_FILE`, `SECRET_NAME`.
func namesSecret(_ name: String) -> Bool {
  let words = name.uppercased().split { !$0.isLetter && !$0.isNumber }
  guard let last = words.last else { return false }
  let secrets = ["PASS", "PASSPHRASE", "PASSWD", "PASSWORD", "SECRET", "TOKEN", "CREDENTIALS", "APIKEY"]
  if secrets.contains(String(last)) { return true }
  // `PWD` and `OLDPWD` are the shell's folders.
  if last == "PWD", words.count > 1 { return true }
  // `PGPASSWORD`, `AUTHTOKEN`: written as one word.
  if ["PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY", "AUTHTOKEN", "ACCESSTOKEN"].contains(where: last.hasSuffix) {
    return true
  }
  let keys = ["ACCESS", "API", "ENCRYPTION", "PRIVATE", "SECRET", "SIGNING"]
  return last == "KEY" && words.count > 1 && keys.contains(String(words[words.count - 2]))
}

/// `true`, `no`, `4096`: what says whether or how much something is used, and is no secret; nor is what names another
/// variable, a file or an address.
func isSwitch(_ value: String) -> Bool {
  value.hasPrefix("$(") || value.hasPrefix("/") || value.contains("://") && !holdsPassword(value)
    || value.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && value.utf8.count < 6
    || ["true", "false", "yes", "no", "on", "off", "required", "optional", "none"].contains(value.lowercased())
}

/// Whether the text is a URL with a password: `postgres://user:password@host/name`.
func holdsPassword(_ text: String) -> Bool {
  let bytes = Array(text.utf8)
  guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0, bytes[colon...].starts(with: Array("://".utf8))
  else { return false }
  let authority = bytes[(colon + 3)...].prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != 0x20 }
  guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { return false }
  let user = authority[..<at]
  guard let divider = user.firstIndex(of: UInt8(ascii: ":")) else { return false }
  // `$(DB_PASSWORD)` is filled in by Kubernetes from another variable.
  let password = user[(divider + 1)...]
  return !password.isEmpty && !password.starts(with: Array("$(".utf8))
}
