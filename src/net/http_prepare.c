/* SPDX-License-Identifier: Apache-2.0 */
/* A request as libcurl wants it. */
#include "base/err.h"
#include "net/http_impl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_AGENT    "ephemeral-store"
#define SECRET_MAX    (HTTP_FILE_MAX / 8)
#define ADDRESSES_MAX 8 /* that are tried for one name */
#define RECEIVE_BYTES 16384L

/* --- files --- */

static int fail_later(struct http_call *c, int err, const char *format, const char *file, const char *reason)
{
    snprintf(c->text, sizeof c->text, format, file, reason);
    c->failed = err;
    return err;
}

/* The whole of a file, at most `max` bytes, as a text. */
static int read_file(struct http_call *c, const char *file, size_t max, char **out, size_t *size)
{
    FILE *f = fopen(file, "re");
    if (!f)
        return fail_later(c, E_NOT_FOUND, "cannot read %.100s: %s", file, strerror(errno));
    char *text = malloc(max + 1);
    size_t n = text ? fread(text, 1, max + 1, f) : 0;
    bool broken = ferror(f) != 0;
    fclose(f);
    if (text && !broken && n && n <= max) {
        text[n] = '\0';
        *out = text;
        *size = n;
        return 0;
    }
    free(text);
    if (!text)
        return fail_later(c, E_NOMEM, "cannot read %.100s: %s", file, err_text(E_NOMEM));
    return fail_later(c, E_NOT_FOUND, "cannot read %.100s: %s", file,
                      broken ? "the read failed"
                      : n    ? "it is larger than such a file can be"
                             : "it is empty");
}

static void forget(char *secret)
{
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* The first line. */
static int read_secret(struct http_call *c, const char *file, char **out)
{
    size_t size;
    int err = read_file(c, file, SECRET_MAX, out, &size);
    if (!err)
        (*out)[strcspn(*out, "\r\n")] = '\0';
    return err;
}

/* --- headers --- */

static bool add_header(struct http_call *c, const char *text)
{
    struct curl_slist *longer = c->http->curl.slist_append(c->headers, text);
    if (longer)
        c->headers = longer;
    return longer != NULL;
}

/* No space and no control character: a line more would be a header of somebody else's. */
static bool is_token(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return *text != '\0';
}

static bool add_token(struct http_call *c, const char *token)
{
    static const char start[] = "Authorization: Bearer ";
    size_t size = sizeof start + strlen(token);
    char *line = malloc(size);
    if (!line)
        return false;
    snprintf(line, size, "%s%s", start, token);
    bool added = add_header(c, line);
    forget(line);
    return added;
}

static int add_token_of(struct http_call *c, const char *file)
{
    char *token;
    if (read_secret(c, file, &token))
        return 0; /* the answer says it */
    int err = 0;
    if (!is_token(token))
        fail_later(c, E_NOT_FOUND, "%.100s: %s", file, "it holds no token");
    else if (!add_token(c, token))
        err = E_NOMEM;
    forget(token);
    return err;
}

static int add_headers(struct http_call *c, const struct http_request *request)
{
    char accept[128];
    snprintf(accept, sizeof accept, "Accept: %s", request->accept);
    if (!add_header(c, accept))
        return E_NOMEM;
    return request->token_file ? add_token_of(c, request->token_file) : 0;
}

/* --- where to --- */

static bool is_served(CURLU *url, const struct curl *curl)
{
    char *scheme = NULL;
    bool served = curl->url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                  (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl->free(scheme);
    return served;
}

static bool take_part(CURLU *url, const struct curl *curl, CURLUPart part, char *out, size_t size)
{
    char *text = NULL;
    bool good = curl->url_get(url, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK && *text && strlen(text) < size;
    if (good)
        strcpy(out, text);
    curl->free(text);
    return good;
}

/* Other letters would be spelled otherwise by libcurl, and looked up by it. */
static bool is_ascii(const char *host)
{
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p > 127)
            return false;
    return true;
}

/* Read by libcurl itself, so that it and the resolver cannot think of two hosts. */
static int take_host(struct http_call *c, const char *text)
{
    const struct curl *curl = &c->http->curl;
    CURLU *url = curl->url();
    if (!url)
        return E_NOMEM;
    bool good = curl->url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK && is_served(url, curl) &&
                take_part(url, curl, CURLUPART_HOST, c->host, sizeof c->host) && is_ascii(c->host) &&
                take_part(url, curl, CURLUPART_PORT, c->port, sizeof c->port);
    curl->url_cleanup(url);
    return good ? 0 : E_INVALID;
}

/* --- what comes --- */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *c = arg;
    c->body_err = buf_append(&c->body, data, size * count);
    return c->body_err ? 0 : size * count;
}

/* Line by line, and what trails a body in chunks. The empty line is its end: libcurl takes a head for good that was cut
 * off before. */
static size_t on_head(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *c = arg;
    c->head += size * count;
    if (*data == '\r' || *data == '\n')
        c->head_is_whole = true;
    else if (strncmp(data, "HTTP/", 5) == 0) /* the first line, also after one of 100 to 199; it has its own end */
        c->head_is_whole = false;
    c->head_too_large = c->head > HTTP_HEAD_MAX;
    return c->head_too_large ? 0 : size * count;
}

/* --- the options --- */

/* Whether all went well so far. */
static void set_long(const struct http_call *c, CURLoption option, long value, bool *good)
{
    *good &= c->http->curl.easy_setopt(c->easy, option, value) == CURLE_OK;
}

static void set_text(const struct http_call *c, CURLoption option, const char *value, bool *good)
{
    *good &= c->http->curl.easy_setopt(c->easy, option, value) == CURLE_OK;
}

static void set_arg(const struct http_call *c, CURLoption option, void *value, bool *good)
{
    *good &= c->http->curl.easy_setopt(c->easy, option, value) == CURLE_OK;
}

static void set_callbacks(struct http_call *c, bool *good)
{
    CURL *e = c->easy;
    *good &= c->http->curl.easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    *good &= c->http->curl.easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head) == CURLE_OK;
    set_arg(c, CURLOPT_WRITEDATA, c, good);
    set_arg(c, CURLOPT_HEADERDATA, c, good);
    set_arg(c, CURLOPT_PRIVATE, c, good);
    set_arg(c, CURLOPT_ERRORBUFFER, c->text, good);
    set_arg(c, CURLOPT_HTTPHEADER, c->headers, good);
}

static void set_limits(const struct http_call *c, bool *good)
{
    set_text(c, CURLOPT_PROTOCOLS_STR, "http,https", good);
    set_long(c, CURLOPT_FOLLOWLOCATION, 0, good);
    set_text(c, CURLOPT_PROXY, "", good);
    set_text(c, CURLOPT_NOPROXY, "*", good);
    set_long(c, CURLOPT_NOSIGNAL, 1, good);
    set_long(c, CURLOPT_BUFFERSIZE, RECEIVE_BYTES, good);
    set_long(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1, good);
    /* By it the time for each of several addresses is divided; the whole is ours to end. */
    set_long(c, CURLOPT_CONNECTTIMEOUT_MS, (long)c->timeout_ms, good);
}

/* Without a word to the contrary libcurl accepts the system's folder of roots in addition to the file, and it keeps
 * what it has read of a file for a day. So the file is read here, and given as bytes; a connection that was made with
 * other bytes is not used again. */
static void set_root(struct http_call *c, const char *file, bool *good)
{
    char *text;
    size_t size;
    if (read_file(c, file, HTTP_FILE_MAX, &text, &size))
        return;
    struct curl_blob blob = {.data = text, .len = size, .flags = CURL_BLOB_COPY};
    *good &= c->http->curl.easy_setopt(c->easy, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK;
    set_text(c, CURLOPT_CAPATH, NULL, good);
    free(text);
}

static void set_user(struct http_call *c, const struct http_request *request, bool *good)
{
    char *password;
    if (read_secret(c, request->password_file, &password))
        return;
    set_long(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC, good);
    set_text(c, CURLOPT_USERNAME, request->user, good);
    set_text(c, CURLOPT_PASSWORD, password, good);
    forget(password);
}

static void set_request(struct http_call *c, const struct http_request *request, bool *good)
{
    set_text(c, CURLOPT_URL, request->url, good);
    set_text(c, CURLOPT_USERAGENT, USER_AGENT, good);
    set_long(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2, good);
    if (request->root_file)
        set_root(c, request->root_file, good);
    if (request->user)
        set_user(c, request, good);
}

int http_prepare(struct http_call *c, const struct http_request *request)
{
    bool good = true;
    int err = take_host(c, request->url);
    if (!err)
        err = add_headers(c, request);
    if (err)
        return err;
    c->easy = c->http->curl.easy_init();
    if (!c->easy)
        return E_NOMEM;
    set_callbacks(c, &good);
    set_limits(c, &good);
    set_request(c, request, &good);
    return good ? 0 : E_NOMEM;
}

/* With + as its first character the entry is forgotten after a minute. */
int http_set_addresses(struct http_call *c, const struct resolved *found, size_t count)
{
    char entry[sizeof c->host + sizeof c->port + ADDRESSES_MAX * (sizeof found[0].address + 3)];
    size_t len = (size_t)snprintf(entry, sizeof entry, "+%s:%s", c->host, c->port);
    for (size_t i = 0; i < count && i < ADDRESSES_MAX; i++) {
        bool is_v6 = strchr(found[i].address, ':') != NULL;
        len += (size_t)snprintf(entry + len, sizeof entry - len, "%c%s%s%s", i ? ',' : ':', is_v6 ? "[" : "",
                                found[i].address, is_v6 ? "]" : "");
    }
    c->addresses = c->http->curl.slist_append(NULL, entry);
    if (!c->addresses || c->http->curl.easy_setopt(c->easy, CURLOPT_RESOLVE, c->addresses))
        return E_NOMEM;
    return 0;
}

/* --- how it ended --- */

static const char *words_of(const struct http_call *c, CURLcode code)
{
    return *c->text ? c->text : c->http->curl.easy_strerror(code);
}

/* libcurl's own words say host and port again, and not why. */
static const char *words_of_connect(const struct http_call *c)
{
    long number = 0;
    c->http->curl.easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &number);
    return number > 0 && number <= INT_MAX ? strerror((int)number) : words_of(c, CURLE_COULDNT_CONNECT);
}

/* libcurl's CURLE_TOO_LARGE, since 8.6; releases before call the same a lack of memory. */
#define TOO_LARGE 100

static bool is_line_too_long(const struct http_call *c, CURLcode code)
{
    return (code == CURLE_OUT_OF_MEMORY || (int)code == TOO_LARGE) && c->head && !c->head_is_whole;
}

int http_judge(const struct http_call *c, CURLcode code, char *why, size_t why_size)
{
    const char *words = words_of(c, code);
    if (c->body_err == E_TOO_LARGE || c->head_too_large) {
        snprintf(why, why_size, "its answer is larger than %zu bytes", c->head_too_large ? HTTP_HEAD_MAX : c->body.max);
        return E_TOO_LARGE;
    }
    if (is_line_too_long(c, code)) {
        snprintf(why, why_size, "its answer has a header line that is too long");
        return E_TOO_LARGE;
    }
    switch (code) {
    case CURLE_OK:
        if (c->head_is_whole)
            return 0;
        snprintf(why, why_size, "the connection to %s port %s broke in the middle of an answer", c->host, c->port);
        return E_IO;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR:
        snprintf(why, why_size, "%s", err_text(E_NOMEM));
        return E_NOMEM;
    case CURLE_COULDNT_CONNECT:
        snprintf(why, why_size, "cannot connect to %s port %s: %s", c->host, c->port, words_of_connect(c));
        return E_IO;
    case CURLE_PEER_FAILED_VERIFICATION:
        snprintf(why, why_size, "the certificate of %s port %s is not good: %s", c->host, c->port, words);
        return E_TLS;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
        snprintf(why, why_size, "no TLS connection to %s port %s: %s", c->host, c->port, words);
        return E_TLS;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        snprintf(why, why_size, "%s port %s does not answer as an HTTP server does: %s", c->host, c->port, words);
        return E_INVALID;
    case CURLE_OPERATION_TIMEDOUT:
        snprintf(why, why_size, "%s port %s did not answer in time", c->host, c->port);
        return E_TIMEOUT;
    default:
        snprintf(why, why_size, "the connection to %s port %s broke: %s", c->host, c->port, words);
        return E_IO;
    }
}
