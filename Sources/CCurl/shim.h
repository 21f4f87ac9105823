#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
/* What the loop around curl stands on; Swift's Glibc module leaves these out. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

/* curl's setters and getters are variadic, which Swift cannot call: one plain function a kind of argument. */

static inline CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

/* Strings, lists, buffers and the pointers that callbacks are given. */
static inline CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, const void *value) {
    return curl_easy_setopt(easy, option, value);
}

/* CURLOPT_WRITEFUNCTION, CURLOPT_HEADERFUNCTION */
static inline CURLcode ccurl_set_write(CURL *easy, CURLoption option, curl_write_callback value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_read(CURL *easy, curl_read_callback value) {
    return curl_easy_setopt(easy, CURLOPT_READFUNCTION, value);
}

static inline CURLcode ccurl_set_seek(CURL *easy, curl_seek_callback value) {
    return curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, value);
}

static inline CURLcode ccurl_set_prereq(CURL *easy, curl_prereq_callback value) {
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, value);
}

static inline CURLcode ccurl_set_sockopt(CURL *easy, curl_sockopt_callback value) {
    return curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, value);
}

static inline CURLcode ccurl_set_closesocket(CURL *easy, curl_closesocket_callback value) {
    return curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, value);
}

/* What CURLOPT_PRIVATE holds. */
static inline void *ccurl_private(CURL *easy) {
    char *value = 0;
    return curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value) == CURLE_OK ? value : 0;
}

/* How many connections the last transfer has opened. */
static inline long ccurl_connects(CURL *easy) {
    long value = 0;
    return curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &value) == CURLE_OK ? value : 0;
}

typedef int (*ccurl_tls_pending)(const void *session);
typedef void (*ccurl_tls_protocol)(const void *session, const unsigned char **name, unsigned int *length);

/* OpenSSL's function that tells whether a session has taken bytes off its connection that nobody has read; NULL where there is none. By
   name, because libcurl brings OpenSSL along and nothing else here links to it. */
static inline ccurl_tls_pending ccurl_find_tls_pending(void) {
    return (ccurl_tls_pending)dlsym(0, "SSL_has_pending");
}

/* And the one that tells which protocol both ends have agreed on. */
static inline ccurl_tls_protocol ccurl_find_tls_protocol(void) {
    return (ccurl_tls_protocol)dlsym(0, "SSL_get0_alpn_selected");
}

/* The session of a transfer's connection; NULL where it has none of OpenSSL's. To be asked within a callback, while there is a connection. */
static inline const void *ccurl_tls_session(CURL *easy) {
    struct curl_tlssessioninfo *session = 0;
    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || !session) return 0;
    return session->backend == CURLSSLBACKEND_OPENSSL ? session->internals : 0;
}

/* Whether there are such bytes of a transfer's connection. Within a callback. */
static inline int ccurl_has_buffered_input(CURL *easy, ccurl_tls_pending pending) {
    const void *session = pending ? ccurl_tls_session(easy) : 0;
    return session && pending(session);
}

/* Whether a transfer's connection speaks HTTP/2, which is agreed on with TLS. Within a callback. */
static inline int ccurl_speaks_http2(CURL *easy, ccurl_tls_protocol protocol) {
    const void *session = protocol ? ccurl_tls_session(easy) : 0;
    const unsigned char *name = 0;
    unsigned int length = 0;
    if (session) protocol(session, &name, &length);
    return length == 2 && name[0] == 'h' && name[1] == '2';
}

static inline CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode ccurl_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode ccurl_multi_set_socket(CURLM *multi, curl_socket_callback value) {
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, value);
}

static inline CURLMcode ccurl_multi_set_timer(CURLM *multi, curl_multi_timer_callback value) {
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, value);
}

/* Names the calling thread. */
static inline void ccurl_name_thread(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* The next transfer that is over; NULL when there is none. */
static inline CURL *ccurl_multi_finished(CURLM *multi, CURLcode *code) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            *code = message->data.result;
            return message->easy_handle;
        }
    }
    return 0;
}

#endif
