#define _GNU_SOURCE
#include "CCurl.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

// One member for each function of libcurl that is used, with its true (for some, variadic) type.
static struct {
  CURLcode (*global_init)(long);
  curl_version_info_data *(*version_info)(CURLversion);
  CURL *(*easy_init)(void);
  void (*easy_cleanup)(CURL *);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  const char *(*easy_strerror)(CURLcode);
  struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
  void (*slist_free_all)(struct curl_slist *);
  CURLM *(*multi_init)(void);
  CURLMcode (*multi_cleanup)(CURLM *);
  CURLMcode (*multi_setopt)(CURLM *, CURLMoption, ...);
  CURLMcode (*multi_add_handle)(CURLM *, CURL *);
  CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
  CURLMcode (*multi_perform)(CURLM *, int *);
  CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd *, unsigned int, int, int *);
  CURLMcode (*multi_wakeup)(CURLM *);
  CURLMsg *(*multi_info_read)(CURLM *, int *);
} curl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *load_error = NULL;
static char load_error_text[512];
static bool http2 = false;

static bool find(void *library, const char *name, void *slot) {
  // POSIX lets the result of dlsym be a function; ISO C needs the detour over the slot.
  void *symbol = dlsym(library, name);
  if (symbol == NULL) {
    snprintf(load_error_text, sizeof load_error_text, "libcurl has no `%s`; version 7.77 or newer is needed", name);
    load_error = load_error_text;
    return false;
  }
  *(void **)slot = symbol;
  return true;
}

static void load(void) {
  static const char *const names[] = {"libcurl.so.4", "libcurl.4.dylib", "libcurl-gnutls.so.4"};
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && library == NULL; i++) {
    // GnuTLS builds of libcurl take no certificates from memory, so they are tried last and refused below.
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  }
  if (library == NULL) {
    const char *why = dlerror();
    snprintf(load_error_text, sizeof load_error_text,
             "libcurl.so.4 cannot be loaded (%s); install the package libcurl4", why ? why : "not found");
    load_error = load_error_text;
    return;
  }
#define FIND(member) \
  if (!find(library, "curl_" #member, &curl.member)) return
  FIND(global_init);
  FIND(version_info);
  FIND(easy_init);
  FIND(easy_cleanup);
  FIND(easy_setopt);
  FIND(easy_getinfo);
  FIND(easy_strerror);
  FIND(slist_append);
  FIND(slist_free_all);
  FIND(multi_init);
  FIND(multi_cleanup);
  FIND(multi_setopt);
  FIND(multi_add_handle);
  FIND(multi_remove_handle);
  FIND(multi_perform);
  FIND(multi_poll);
  FIND(multi_wakeup);
  FIND(multi_info_read);
#undef FIND
  CURLcode code = curl.global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) {
    snprintf(load_error_text, sizeof load_error_text, "libcurl cannot be initialised: %s", curl.easy_strerror(code));
    load_error = load_error_text;
    return;
  }
  curl_version_info_data *info = curl.version_info(CURLVERSION_NOW);
  if (info->version_num < 0x074d00) {
    snprintf(load_error_text, sizeof load_error_text,
             "libcurl %s is too old; 7.77 or newer is needed for certificates from memory", info->version);
    load_error = load_error_text;
    return;
  }
  http2 = (info->features & CURL_VERSION_HTTP2) != 0;
}

const char *ccurl_load(void) {
  pthread_once(&once, load);
  return load_error;
}

bool ccurl_has_http2(void) { return http2; }

void *ccurl_easy_init(void) { return curl.easy_init(); }
void ccurl_easy_cleanup(void *handle) { curl.easy_cleanup(handle); }

CURLcode ccurl_set_string(void *handle, CURLoption option, const char *value) {
  return curl.easy_setopt(handle, option, value);
}
CURLcode ccurl_set_long(void *handle, CURLoption option, long value) {
  return curl.easy_setopt(handle, option, value);
}
CURLcode ccurl_set_offset(void *handle, CURLoption option, curl_off_t value) {
  return curl.easy_setopt(handle, option, value);
}
CURLcode ccurl_set_pointer(void *handle, CURLoption option, const void *value) {
  return curl.easy_setopt(handle, option, value);
}
CURLcode ccurl_set_list(void *handle, CURLoption option, struct curl_slist *value) {
  return curl.easy_setopt(handle, option, value);
}
CURLcode ccurl_set_blob(void *handle, CURLoption option, const void *bytes, size_t count) {
  struct curl_blob blob = {.data = (void *)bytes, .len = count, .flags = CURL_BLOB_COPY};
  return curl.easy_setopt(handle, option, &blob);
}
CURLcode ccurl_set_data_callback(void *handle, CURLoption option, ccurl_data_callback callback) {
  return curl.easy_setopt(handle, option, callback);
}

static int set_user_timeout(void *context, curl_socket_t socket, curlsocktype purpose) {
  (void)purpose;
#ifdef TCP_USER_TIMEOUT
  unsigned int milliseconds = (unsigned int)(uintptr_t)context;
  // A socket that is no TCP socket refuses this, and may.
  (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
#else
  (void)context;
  (void)socket;
#endif
  return CURL_SOCKOPT_OK;
}

CURLcode ccurl_set_user_timeout(void *handle, long milliseconds) {
  CURLcode code = curl.easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, set_user_timeout);
  if (code != CURLE_OK) return code;
  return curl.easy_setopt(handle, CURLOPT_SOCKOPTDATA, (void *)(uintptr_t)milliseconds);
}

long ccurl_get_long(void *handle, CURLINFO info) {
  long value = 0;
  return curl.easy_getinfo(handle, info, &value) == CURLE_OK ? value : 0;
}
curl_off_t ccurl_get_offset(void *handle, CURLINFO info) {
  curl_off_t value = 0;
  return curl.easy_getinfo(handle, info, &value) == CURLE_OK ? value : 0;
}
const char *ccurl_error_text(CURLcode code) { return curl.easy_strerror(code); }

struct curl_slist *ccurl_list_append(struct curl_slist *list, const char *text) {
  return curl.slist_append(list, text);
}
void ccurl_list_free(struct curl_slist *list) { curl.slist_free_all(list); }

void *ccurl_multi_init(void) { return curl.multi_init(); }
void ccurl_multi_cleanup(void *multi) { (void)curl.multi_cleanup(multi); }
CURLMcode ccurl_multi_set_long(void *multi, CURLMoption option, long value) {
  return curl.multi_setopt(multi, option, value);
}
CURLMcode ccurl_multi_add(void *multi, void *handle) { return curl.multi_add_handle(multi, handle); }
CURLMcode ccurl_multi_remove(void *multi, void *handle) { return curl.multi_remove_handle(multi, handle); }
CURLMcode ccurl_multi_perform(void *multi, int *running) { return curl.multi_perform(multi, running); }
CURLMcode ccurl_multi_poll(void *multi, int milliseconds) {
  return curl.multi_poll(multi, NULL, 0, milliseconds, NULL);
}
CURLMcode ccurl_multi_wakeup(void *multi) { return curl.multi_wakeup(multi); }

bool ccurl_multi_next_done(void *multi, void **handle, CURLcode *result) {
  int left = 0;
  CURLMsg *message;
  while ((message = curl.multi_info_read(multi, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    *handle = message->easy_handle;
    *result = message->data.result;
    return true;
  }
  return false;
}
