internal import CCurl
internal import ClusterAPI

/// One transfer's easy handle with the header list that libcurl reads while it runs. Freed with the value.
struct EasyHandle: ~Copyable {
  let raw: UnsafeMutableRawPointer
  private var lists: [UnsafeMutablePointer<curl_slist>] = []

  init() throws(TransportError) {
    guard let raw = ccurl_easy_init() else {
      throw TransportError(.other, "libcurl is out of memory", mayHaveTakenEffect: false)
    }
    self.raw = raw
  }

  deinit {
    ccurl_easy_cleanup(raw)
    for list in lists { ccurl_list_free(list) }
  }

  func set(_ option: CURLoption, _ text: String) throws(TransportError) {
    try check(ccurl_set_string(raw, option, text), option)
  }

  /// Undoes a default: no file, no directory, no host list.
  func unset(_ option: CURLoption) throws(TransportError) {
    try check(ccurl_set_string(raw, option, nil), option)
  }

  func set(_ option: CURLoption, _ number: Int) throws(TransportError) {
    try check(ccurl_set_long(raw, option, number), option)
  }

  func set(_ option: CURLoption, bytes: [UInt8]) throws(TransportError) {
    let code = bytes.withUnsafeBytes { bytes in
      // libcurl refuses a null pointer, which an empty array may have.
      bytes.baseAddress.map { ccurl_set_blob(raw, option, $0, bytes.count) } ?? CURLE_BAD_FUNCTION_ARGUMENT
    }
    try check(code, option)
  }

  mutating func set(_ option: CURLoption, list texts: [String]) throws(TransportError) {
    var list: UnsafeMutablePointer<curl_slist>?
    for text in texts {
      guard let longer = ccurl_list_append(list, text) else {
        ccurl_list_free(list)
        throw TransportError(.other, "libcurl is out of memory", mayHaveTakenEffect: false)
      }
      list = longer
    }
    if let list { lists.append(list) }
    try check(ccurl_set_list(raw, option, list), option)
  }

  /// Sends `body`, which libcurl copies.
  func set(body: [UInt8]) throws(TransportError) {
    try check(
      ccurl_set_offset(raw, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)), CURLOPT_POSTFIELDSIZE_LARGE)
    let code = body.withUnsafeBytes { bytes in
      ccurl_set_pointer(raw, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress ?? UnsafeRawPointer(raw))
    }
    try check(code, CURLOPT_COPYPOSTFIELDS)
  }

  func check(_ code: CURLcode, _ option: CURLoption) throws(TransportError) {
    guard code != CURLE_OK else { return }
    throw TransportError(
      .badRequest, "libcurl refuses option \(option.rawValue): \(String(cString: ccurl_error_text(code)))",
      mayHaveTakenEffect: false)
  }
}

/// A multi handle: the connections, and the transfers that run over them. Only its own thread may touch it, apart from
/// `wakeUp()`.
struct MultiHandle: ~Copyable, @unchecked Sendable {
  private let raw: UnsafeMutableRawPointer

  init() throws(TransportError) {
    if let why = ccurl_load() {
      throw TransportError(.libraryMissing, String(cString: why), mayHaveTakenEffect: false)
    }
    guard let raw = ccurl_multi_init() else {
      throw TransportError(.other, "libcurl is out of memory", mayHaveTakenEffect: false)
    }
    self.raw = raw
  }

  deinit { ccurl_multi_cleanup(raw) }

  func set(_ option: CURLMoption, _ number: Int) { _ = ccurl_multi_set_long(raw, option, number) }
  func add(_ handle: UnsafeMutableRawPointer) -> CURLMcode { ccurl_multi_add(raw, handle) }
  func remove(_ handle: UnsafeMutableRawPointer) { _ = ccurl_multi_remove(raw, handle) }

  func perform() {
    var running: Int32 = 0
    _ = ccurl_multi_perform(raw, &running)
  }

  func poll(milliseconds: Int32) { _ = ccurl_multi_poll(raw, milliseconds) }
  func wakeUp() { _ = ccurl_multi_wakeup(raw) }

  func nextDone() -> (handle: UnsafeMutableRawPointer, code: CURLcode)? {
    var handle: UnsafeMutableRawPointer?
    var code = CURLE_OK
    guard ccurl_multi_next_done(raw, &handle, &code), let handle else { return nil }
    return (handle, code)
  }
}
