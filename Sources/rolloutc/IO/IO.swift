import Glibc
import RolloutSyntax

/// Files, standard streams and exits: the only place that touches them.
enum IO {
  /// To be called before anything else.
  static func begin() {
    // A closed pipe is not an error: the reader has seen enough.
    signal(SIGPIPE, SIG_IGN)
    // A file that gets larger than it may is an error like a full disk, and ends nothing half way.
    signal(SIGXFSZ, SIG_IGN)
    // Swift's runtime shows there what each thread does, and goes on; who sends it wants the end.
    if signal(SIGQUIT, SIG_DFL).map({ unsafeBitCast($0, to: Int.self) }) == 1 { signal(SIGQUIT, SIG_IGN) }
    // What is opened next would take the place of a stream that is closed, and output would go into it. Each is opened the
    // wrong way round, so that whoever needs it is still told that it is not there.
    for (descriptor, mode) in [(Int32(0), O_WRONLY), (1, O_RDONLY), (2, O_RDWR)]
    where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
      _ = open("/dev/null", mode)
    }
    // ArgumentParser wraps its texts there. It leaves nothing of them where that is no width, and needs some for its labels.
    if let columns = environment("COLUMNS").flatMap({ Int($0) }), columns < 40 {
      if columns < 1 { unsetenv("COLUMNS") } else { setenv("COLUMNS", "40", 1) }
    }
  }

  static func exit(_ code: Int32) -> Never { Glibc.exit(code) }

  /// Without the handlers of libraries, whose threads may still be at work. Nothing of ours is left in a buffer.
  static func exitAtOnce(_ code: Int32) -> Never { _exit(code) }

  // MARK: - Streams

  /// - Parameter isVerdict: the exit code says it, too, also to who has closed the pipe.
  static func standardOutput(_ bytes: [UInt8], isVerdict: Bool = false) {
    switch write(bytes, to: 1) {
    case nil: return
    case EPIPE? where isVerdict: return
    case EPIPE?: exit(Exit.done)
    case let error?:
      standardError("error: cannot write the output: \(reason(error))\n")
      exit(Exit.failed)
    }
  }

  static func standardOutput(_ text: String) { standardOutput(Array(text.utf8)) }

  /// Writes to standard output for those who go on without it; gives the error number where that fails.
  static func output(_ bytes: [UInt8]) -> Int32? { write(bytes, to: 1) }

  static func standardError(_ text: String) { _ = write(Array(text.utf8), to: 2) }

  /// Writes all bytes; gives the error number where that fails.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
    bytes.withUnsafeBytes { buffer -> Int32? in
      var offset = 0
      while offset < buffer.count {
        let count = Glibc.write(
          descriptor, buffer.baseAddress?.advanced(by: offset), min(buffer.count - offset, 1 << 20))
        if count < 0 {
          if errno == EINTR { continue }
          if errno == EAGAIN {
            var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&wait, 1, 1000)
            continue
          }
          return errno
        }
        offset += count
      }
      return nil
    }
  }

  /// Whether the line that is typed says `yes`. What is said next begins a line, also where the answer had no end.
  static func isConfirmed() -> Bool {
    let line = readLine(strippingNewline: false)
    if line?.last?.isNewline != true { standardError("\n") }
    return line == "yes" || line == "yes\n"
  }

  static func reason(_ error: Int32) -> String { String(cString: strerror(error)).lowercasedFirst }

  // MARK: - Reading

  /// The bytes of a text file, or of standard input where the path is `-`.
  /// - Parameter mustBeFile: no pipe and no device, which may never have an end: for what nobody named at the command line.
  static func read(_ path: String, mustBeFile: Bool = false) -> Result<[UInt8], ReadError> {
    readBytes(path, mustBeFile).flatMap { isBinary($0) ? .failure(ReadError("it is no text")) : .success($0) }
  }

  /// A few bad characters are pointed at one by one; where there is nothing else, there is nothing to point at. A text
  /// in another encoding is one, and is told from other bytes.
  private static func isBinary(_ bytes: [UInt8]) -> Bool {
    if OtherEncoding(of: bytes) != nil { return false }
    let head = bytes.prefix(1 << 16)
    return head.count { $0 == 0 || $0 >= 0xF8 } > 1000
  }

  /// The path without links, and from the root; nil where there is no such file.
  static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Whether `path` is `folder` or in it, both without links.
  static func lies(_ path: String, in folder: String) -> Bool {
    folder == "/" || path == folder || path.hasPrefix(folder + "/")
  }

  private static func readBytes(_ path: String, _ mustBeFile: Bool) -> Result<[UInt8], ReadError> {
    if path == "-" { return readAll(0) }
    // A pipe that nobody writes to is waited for as soon as it is opened.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | (mustBeFile ? O_NONBLOCK | O_NOCTTY : 0))
    guard descriptor >= 0 else { return .failure(ReadError(reason(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return .failure(ReadError(reason(errno))) }
    if status.st_mode & S_IFMT == S_IFDIR { return .failure(ReadError("it is a folder")) }
    if mustBeFile, status.st_mode & S_IFMT != S_IFREG {
      return .failure(ReadError("it is a pipe or a device, and no file"))
    }
    if status.st_size > 256 << 20 { return .failure(ReadError("it is larger than 256 MiB")) }
    return readAll(descriptor, expected: Int(status.st_size))
  }

  private static func readAll(_ descriptor: Int32, expected: Int = 0) -> Result<[UInt8], ReadError> {
    var bytes: [UInt8] = []
    // A byte more than the file has, so that one more read finds its end.
    var size = expected > 0 ? expected + 1 : 1 << 16
    while true {
      guard bytes.count <= 256 << 20 else { return .failure(ReadError("it is larger than 256 MiB")) }
      var error: Int32?
      var isEnd = false
      let piece = [UInt8](unsafeUninitializedCapacity: size) { buffer, used in
        while used < size, !isEnd {
          let count = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: used), size - used)
          if count < 0 {
            if errno == EINTR { continue }
            error = errno
            return
          }
          used += count
          isEnd = count == 0
        }
      }
      if let error { return .failure(ReadError(reason(error))) }
      if bytes.isEmpty { bytes = piece } else { bytes += piece }
      if isEnd { return .success(bytes) }
      size = bytes.count
    }
  }

  struct ReadError: Error {
    var message: String
    init(_ message: String) { self.message = message }
  }

  // MARK: - Writing

  /// Writes a file whole or not at all: to a neighbour first, which then takes its place.
  /// - Parameter isPrivate: nobody but its owner may read it, and that is whoever runs this.
  ///
  /// A file that is there keeps its owner, its group and its rights, and one that may not be written is not. Where nobody
  /// but the file itself can be written, or it has several names, it is written into: then a disk that fails in the
  /// middle leaves a part of it.
  ///
  /// What is no file, as a device or a pipe, is written into; a link stays one, and the file that it names is replaced.
  static func write(_ bytes: [UInt8], toFile name: String, isPrivate: Bool = false) throws {
    let path = realPath(name) ?? name
    if isSpecial(path) {
      let descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw Failure("cannot write `\(name)`: \(reason(errno))") }
      defer { close(descriptor) }
      if let problem = write(bytes, to: descriptor) { throw Failure("cannot write `\(name)`: \(reason(problem))") }
      return
    }
    let old = try existing(path, as: name)
    defer { if let old { close(old.descriptor) } }
    let neighbour = Self.neighbour(of: path)
    if let old, !isPrivate {
      let isKept =
        switch neighbour {
        case .failure: false
        case .success(let new): old.status.st_nlink == 1 && give(new.descriptor, to: old.status)
        }
      if !isKept {
        if case .success(let new) = neighbour {
          close(new.descriptor)
          unlink(new.path)
        }
        return try overwrite(old.descriptor, with: bytes, name, size: old.status.st_size)
      }
    }
    let (descriptor, temporary): (Int32, String)
    switch neighbour {
    case .success(let new): (descriptor, temporary) = new
    case .failure(let error): throw Failure("cannot write `\(name)`: \(error.message)")
    }
    var problem = write(bytes, to: descriptor)
    let mode = isPrivate ? 0o600 : fileMode(path) ?? 0o666 & ~usualMask
    if problem == nil, fchmod(descriptor, mode) != 0 { problem = errno }
    if problem == nil, fsync(descriptor) != 0, errno != EINVAL { problem = errno }
    if close(descriptor) != 0, problem == nil { problem = errno }
    if problem == nil, rename(temporary, path) != 0 { problem = errno }
    if let problem {
      unlink(temporary)
      throw Failure("cannot write `\(name)`: \(reason(problem)); nothing was changed")
    }
  }

  /// The file that is there, open for writing; nil where there is none. Throws where it may not be written.
  private static func existing(_ path: String, as name: String) throws -> (descriptor: Int32, status: stat)? {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
    var problem = errno
    if descriptor < 0, problem == ENOENT { return nil }
    var status = stat()
    if descriptor >= 0 {
      if fstat(descriptor, &status) == 0 { return (descriptor, status) }
      problem = errno
      close(descriptor)
    }
    throw Failure("cannot write `\(name)`: \(reason(problem)); nothing was changed")
  }

  /// Gives a new file the owner and the group of an old one. False where that is not for us to do.
  private static func give(_ descriptor: Int32, to old: stat) -> Bool {
    var new = stat()
    guard fstat(descriptor, &new) == 0 else { return false }
    return new.st_uid == old.st_uid && new.st_gid == old.st_gid || fchown(descriptor, old.st_uid, old.st_gid) == 0
  }

  /// Writes into a file that has `size` bytes. Room is made first, so that a full disk changes nothing.
  private static func overwrite(_ descriptor: Int32, with bytes: [UInt8], _ name: String, size: Int) throws {
    if bytes.count > size {
      let problem = posix_fallocate(descriptor, 0, bytes.count)
      if problem != 0, problem != EINVAL, problem != EOPNOTSUPP {
        ftruncate(descriptor, size)
        throw Failure("cannot write `\(name)`: \(reason(problem)); nothing was changed")
      }
    }
    var problem = write(bytes, to: descriptor)
    if problem == nil, ftruncate(descriptor, bytes.count) != 0 { problem = errno }
    if problem == nil, fsync(descriptor) != 0, errno != EINVAL { problem = errno }
    if let problem {
      throw Failure("cannot write `\(name)`: \(reason(problem)); it may hold a part of what was to be written")
    }
  }

  /// Throws what a write of the file would throw, so that long work is not done for a file that cannot be written.
  static func checkWritable(_ path: String) throws {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      throw Failure("cannot write `\(path)`: \(reason(EISDIR))")
    }
    if isSpecial(path) { return }
    if let old = try existing(realPath(path) ?? path, as: path) {
      close(old.descriptor)
      return
    }
    switch neighbour(of: realPath(path) ?? path) {
    case .success(let new):
      close(new.descriptor)
      unlink(new.path)
    case .failure(let error): throw Failure("cannot write `\(path)`: \(error.message)")
    }
  }

  /// A new file beside `path`, of a name that nobody has, for its owner alone.
  private static func neighbour(of path: String) -> Result<(descriptor: Int32, path: String), ReadError> {
    var template = Array((path + ".rolloutc-XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { return .failure(ReadError(reason(errno))) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return .success((descriptor, made(of: template)))
  }

  /// What `mkstemp` and `mkdtemp` have made of their template.
  private static func made(of template: [CChar]) -> String {
    String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// What this process takes away from the rights of new files.
  private static let usualMask: mode_t = {
    let mask = umask(0o022)
    umask(mask)
    return mask
  }()

  /// A device or a pipe.
  static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG && status.st_mode & S_IFMT != S_IFDIR
  }

  /// The path from the root, with its links.
  static func absolute(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    guard let here = realPath(".") else { return path }
    return here == "/" ? "/" + path : "\(here)/\(path)"
  }

  /// Where a file is, or will be, without links and detours on the way.
  static func place(of path: String) -> String {
    if let real = realPath(path) { return real }
    let last = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
    let parent = path.dropLast(last.count)
    guard let real = realPath(parent.isEmpty ? "." : String(parent)), last != ".." else { return path }
    return real == "/" ? "/" + last : "\(real)/\(last)"
  }

  private static func fileMode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
  }

  /// A folder of its own for this user alone.
  static func makeTemporaryDirectory(_ prefix: String) throws -> String {
    let root = environment("TMPDIR").flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    var template = Array("\(root)/\(prefix)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure("cannot make a folder in `\(root)`: \(reason(errno))") }
    return made(of: template)
  }

  static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws {
    var built = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      built += (built.isEmpty || built == "/" ? "" : "/") + part
      if mkdir(built, mode) != 0, errno != EEXIST {
        throw Failure("cannot make the folder `\(built)`: \(reason(errno))")
      }
    }
  }

  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// The names in a folder, sorted, without `.` and `..`.
  static func names(in path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Every file in a folder and in those below it, by its path from there. A link is one of them, and not followed.
  static func files(below path: String) -> [String] {
    (names(in: path) ?? []).flatMap { name in
      isDirectory(path + "/" + name) && !isLink(path + "/" + name)
        ? files(below: path + "/" + name).map { "\(name)/\($0)" } : [name]
    }
  }

  /// Removes a folder that this run made, with everything in it.
  static func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in names(in: path) ?? [] { removeTree(path + "/" + name) }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  static func move(_ from: String, to: String) throws {
    if rename(from, to) != 0 { throw Failure("cannot move `\(from)` to `\(to)`: \(reason(errno))") }
  }

  /// Moves, or gives the error number.
  static func moved(_ from: String, to: String) -> Int32? { rename(from, to) == 0 ? nil : errno }

  /// Whether this user may make and remove names in a folder.
  static func mayChange(_ folder: String) -> Bool { access(folder.isEmpty ? "." : folder, W_OK | X_OK) == 0 }

  static var processID: Int32 { getpid() }

  /// Whether a process of this number is there, whoever started it.
  static func isRunning(_ process: Int32) -> Bool { kill(process, 0) == 0 || errno != ESRCH }

  // MARK: - Memory

  /// Says that about `size` bytes will be allocated, so that the system gives them in pages of 2 MiB where it can, and
  /// not in pages of 4 KiB: those of a plan of 2,000 components are 15,000 page faults, a sixth of the whole run. Only
  /// a hint; what is not used is not taken.
  static func expectAllocations(of size: Int) {
    let page = 2 << 20
    guard size >= 2 * page else { return }
    // glibc keeps what it is given back where it has seen a block of that size come and go before, up to 32 MiB each
    // and 64 MiB in all; the hint stays with the addresses.
    let block = min(size, 30 << 20)
    func take() -> UnsafeMutableRawPointer? {
      guard let start = malloc(block) else { return nil }
      let first = start.alignedUp(toMultipleOf: page)
      madvise(first, start + block - first, MADV_HUGEPAGE)
      return start
    }
    free(take())
    let blocks = (0..<(size > block ? 2 : 1)).map { _ in take() }
    for block in blocks { free(block) }
  }

  // MARK: - The terminal

  static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// Colour only on a terminal, and never where `NO_COLOR` is set (https://no-color.org).
  static var colorsErrors: Bool { mayColor(2) }

  static var colorsOutput: Bool { mayColor(1) }

  private static func mayColor(_ descriptor: Int32) -> Bool {
    if let value = environment("NO_COLOR"), !value.isEmpty { return false }
    if environment("TERM") == "dumb" { return false }
    return isatty(descriptor) == 1
  }

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  static func terminalWidth(_ descriptor: Int32) -> Int? { windowSize(descriptor).map { Int($0.ws_col) } }

  /// That of a terminal of old where the terminal does not say.
  static func terminalSize(_ descriptor: Int32) -> Screen.Size {
    let size = windowSize(descriptor)
    return Screen.Size(columns: Int(size?.ws_col ?? 80), rows: max(2, Int(size?.ws_row ?? 24)))
  }

  private static func windowSize(_ descriptor: Int32) -> winsize? {
    guard isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return size
  }
}

extension String {
  var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
