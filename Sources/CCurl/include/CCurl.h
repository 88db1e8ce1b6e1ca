#pragma once

// Typed calls over libcurl's variadic ones, which Swift cannot call. The library itself is loaded with dlopen at the
// first use: linked at build time it would cost every command 4 to 8 ms of start-up, network or not.

#include <stdbool.h>
#include <stddef.h>

#ifndef CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_TYPECHECK
#endif
#include <curl/curl.h>

/// Loads libcurl once for the process. Returns NULL on success, otherwise why it cannot be used; the text lives as long
/// as the process. Every other function here needs a load that succeeded.
const char *_Nullable ccurl_load(void);
/// Whether the loaded libcurl speaks HTTP/2.
bool ccurl_has_http2(void);

// Easy handles.

void *_Nullable ccurl_easy_init(void);
void ccurl_easy_cleanup(void *_Nonnull handle);
CURLcode ccurl_set_string(void *_Nonnull handle, CURLoption option, const char *_Nullable value);
CURLcode ccurl_set_long(void *_Nonnull handle, CURLoption option, long value);
CURLcode ccurl_set_offset(void *_Nonnull handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_pointer(void *_Nonnull handle, CURLoption option, const void *_Nullable value);
CURLcode ccurl_set_list(void *_Nonnull handle, CURLoption option, struct curl_slist *_Nullable value);
/// The bytes are copied by libcurl.
CURLcode ccurl_set_blob(void *_Nonnull handle, CURLoption option, const void *_Nonnull bytes, size_t count);

typedef size_t (*ccurl_data_callback)(char *_Nonnull bytes, size_t size, size_t count, void *_Nullable context);
/// `option` is CURLOPT_WRITEFUNCTION or CURLOPT_HEADERFUNCTION.
CURLcode ccurl_set_data_callback(void *_Nonnull handle, CURLoption option, ccurl_data_callback _Nonnull callback);
/// Sets TCP_USER_TIMEOUT on each socket of this handle: an unacknowledged write ends the connection after that long,
/// where the kernel alone would go on for a quarter of an hour.
CURLcode ccurl_set_user_timeout(void *_Nonnull handle, long milliseconds);

long ccurl_get_long(void *_Nonnull handle, CURLINFO info);
curl_off_t ccurl_get_offset(void *_Nonnull handle, CURLINFO info);
const char *_Nonnull ccurl_error_text(CURLcode code);

struct curl_slist *_Nullable ccurl_list_append(struct curl_slist *_Nullable list, const char *_Nonnull text);
void ccurl_list_free(struct curl_slist *_Nullable list);

// Multi handles.

void *_Nullable ccurl_multi_init(void);
void ccurl_multi_cleanup(void *_Nonnull multi);
CURLMcode ccurl_multi_set_long(void *_Nonnull multi, CURLMoption option, long value);
CURLMcode ccurl_multi_add(void *_Nonnull multi, void *_Nonnull handle);
CURLMcode ccurl_multi_remove(void *_Nonnull multi, void *_Nonnull handle);
CURLMcode ccurl_multi_perform(void *_Nonnull multi, int *_Nonnull running);
/// Sleeps until a socket is ready, a timer of libcurl is due, `ccurl_multi_wakeup` is called or the time is over.
CURLMcode ccurl_multi_poll(void *_Nonnull multi, int milliseconds);
/// The only call that other threads may make.
CURLMcode ccurl_multi_wakeup(void *_Nonnull multi);
/// Takes the next finished transfer: false when there is none.
bool ccurl_multi_next_done(void *_Nonnull multi, void *_Nullable *_Nonnull handle, CURLcode *_Nonnull result);
