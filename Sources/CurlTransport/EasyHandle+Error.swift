internal import CCurl
internal import ClusterAPI

extension EasyHandle {
  /// libcurl's result code in our words, with what is certain about the request's effect.
  func error(_ code: CURLcode, request: HTTPRequest) -> TransportError {
    let text = String(cString: ccurl_error_text(code))
    let place = URLParts(request.url)?.authority ?? withoutSecrets(request.url)
    // Bytes of a request are counted once they are written, so none means that the server cannot have acted.
    let sent = ccurl_get_long(raw, CURLINFO_REQUEST_SIZE) > 0
    let errno = ccurl_get_long(raw, CURLINFO_OS_ERRNO)

    func error(_ kind: TransportError.Kind, _ message: String, sent: Bool) -> TransportError {
      TransportError(kind, message, mayHaveTakenEffect: sent)
    }
    switch code {
    case CURLE_UNSUPPORTED_PROTOCOL where sent:
      // Its name for an answer without a status line.
      return error(.protocolViolation, "\(place) answers, and not in HTTP", sent: true)
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
      return error(.badRequest, "this URL cannot be used: \(withoutSecrets(request.url))", sent: false)
    case CURLE_OUT_OF_MEMORY where sent, CURLcode(rawValue: 100) where sent:
      // libcurl takes a few hundred KiB of them, and calls more CURLE_TOO_LARGE, or what it says where memory is short.
      return error(.tooLarge, "\(place) sends a header that is too large", sent: true)
    case CURLE_COULDNT_RESOLVE_HOST:
      return error(.unresolvedHost, "no address is known for \(place)", sent: false)
    case CURLE_COULDNT_RESOLVE_PROXY:
      return error(.proxy, "no address is known for the proxy of \(place)", sent: false)
    case CURLE_PROXY:
      return error(.proxy, "the proxy of \(place) refuses: \(text)", sent: false)
    case CURLE_COULDNT_CONNECT:
      let refused = errno == 111
      return error(
        refused ? .refused : .connect, refused ? "\(place) refuses connections" : "\(place) cannot be reached: \(text)",
        sent: false)
    case CURLE_OPERATION_TIMEDOUT:
      // The idle limit has the same code as the whole time; which of them it was shows in the time that went by.
      let total = ccurl_get_offset(raw, CURLINFO_TOTAL_TIME_T)
      let isConnected = ccurl_get_offset(raw, CURLINFO_PRETRANSFER_TIME_T) > 0
      if !isConnected { return error(.timeout, "\(place) was not reached in time", sent: false) }
      if request.idleTimeout != nil, request.timeout.map({ $0 > .microseconds(total) }) ?? true {
        return error(.stalled, "\(place) sent nothing for too long", sent: true)
      }
      return error(.timeout, "\(place) gave no whole answer in time", sent: sent)
    case CURLE_SSL_CONNECT_ERROR where ccurl_get_long(raw, CURLINFO_SSL_VERIFYRESULT) == 0:
      // Nothing is wrong with the certificate: the handshake was broken off, as happens when a server starts or stops.
      return error(.connect, "no TLS connection to \(place): \(text)", sent: false)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
      CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CRL_BADFILE:
      let result = ccurl_get_long(raw, CURLINFO_SSL_VERIFYRESULT)
      let name = request.options.serverName ?? URLParts(request.url)?.hostName ?? place
      // libcurl looks by itself at whose it is, before it asks OpenSSL for more (0, or 1: nothing was said yet).
      let isOfAnother = code == CURLE_PEER_FAILED_VERIFICATION && result <= 1 || result == 62 || result == 64
      let why =
        isOfAnother
        ? "the server's certificate is not for `\(name)`" : result == 0 ? text : "\(text) (\(verifyText(result)))"
      return error(.tls, "no TLS connection to \(place): \(why)", sent: false)
    case CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING:
      return error(.protocolViolation, "\(place) broke the protocol: \(text)", sent: sent)
    case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE:
      return error(.reset, "\(place) ended the connection: \(text)", sent: sent)
    default:
      return error(.other, "\(place): \(text)", sent: sent)
    }
  }

  /// The codes of OpenSSL that people meet (`x509_vfy.h`).
  private func verifyText(_ code: Int) -> String {
    switch code {
    case 9: "a certificate is not valid yet"
    case 10: "a certificate has expired"
    case 18: "the certificate is self-signed and not among the trusted ones"
    case 19: "the chain ends in a self-signed certificate that is not trusted"
    case 20, 21: "no trusted authority signed the certificate"
    default: "verification code \(code)"
    }
  }
}
