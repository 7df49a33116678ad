/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/pem.h"

#include "base/err.h"
#include "tls/why.h"

#include <stdio.h>

#define DASHES    "-----"
#define LABEL_MAX 40 /* the longest that anyone writes is "ENCRYPTED PRIVATE KEY" */
#define COLUMNS   64 /* RFC 7468 */
#define PEM_SLACK (PEM_OUT_MAX - PEM_TEXT_MAX - PEM_TEXT_MAX / COLUMNS)

struct pem_scan {
    enum pem_kind kind;
    const char *what; /* how the text is called in errors */
    struct slice rest;
    struct buf *out;
    size_t kept;
    bool other; /* a block of the other kind was seen */
    char *why;
    size_t why_size;
};

struct block {
    char label[LABEL_MAX + 1];
    struct slice body;
};

#define REFUSE(s, err, ...) why_say(err, (s)->why, (s)->why_size, __VA_ARGS__)

static bool find(struct slice in, const char *word, size_t *at)
{
    const uint8_t *p = in.len ? memmem(in.data, in.len, word, strlen(word)) : NULL;
    if (p)
        *at = (size_t)(p - in.data);
    return p != NULL;
}

static bool starts(struct slice in, const char *word)
{
    size_t n = strlen(word);
    return in.len >= n && memcmp(in.data, word, n) == 0;
}

static bool label_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ';
}

/* Takes "LABEL-----" from the front of *in. */
static bool take_label(struct slice *in, char label[LABEL_MAX + 1])
{
    size_t n = 0;
    while (n < in->len && n < LABEL_MAX && label_char(in->data[n]))
        n++;
    if (n == 0 || !starts(slice_skip(*in, n), DASHES))
        return false;
    memcpy(label, in->data, n);
    label[n] = '\0';
    *in = slice_skip(*in, n + strlen(DASHES));
    return true;
}

/* Takes the next block: 1 when there is one, 0 at the end of the text. */
static int take_block(struct pem_scan *s, struct block *b)
{
    size_t at;
    if (!find(s->rest, DASHES "BEGIN ", &at))
        return 0;
    s->rest = slice_skip(s->rest, at + strlen(DASHES "BEGIN "));
    if (!take_label(&s->rest, b->label))
        return REFUSE(s, E_MALFORMED, "the PEM of the %s has a broken -----BEGIN ...----- marker", s->what);
    if (!find(s->rest, DASHES, &at))
        return REFUSE(s, E_MALFORMED, "the PEM of the %s has no -----END %s----- marker: its end is missing", s->what,
                      b->label);
    b->body = slice_make(s->rest.data, at);
    s->rest = slice_skip(s->rest, at + strlen(DASHES));
    char end[LABEL_MAX + 1];
    if (!starts(s->rest, "END "))
        return REFUSE(s, E_MALFORMED, "the PEM of the %s has no -----END %s----- marker before the next block", s->what,
                      b->label);
    s->rest = slice_skip(s->rest, strlen("END "));
    if (!take_label(&s->rest, end) || strcmp(end, b->label) != 0)
        return REFUSE(s, E_MALFORMED, "the PEM of the %s has a -----BEGIN %s----- whose END marker differs", s->what,
                      b->label);
    return 1;
}

static bool base64_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* How many bytes at the front of `in`, which is not empty, stand for white space, in any of the spellings; 0 for none.
 * A run of backslashes before n, r or t is a newline that was escaped once or more often. */
static size_t blank_size(struct slice in)
{
    if (in.data[0] == ' ' || (in.data[0] >= '\t' && in.data[0] <= '\r'))
        return 1;
    size_t n = 0;
    while (n < in.len && in.data[n] == '\\')
        n++;
    if (n == 0 || n == in.len || !strchr("nrt\n\r", in.data[n]) || in.data[n] == '\0')
        return 0;
    return n + 1;
}

static struct slice skip_blanks(struct slice text)
{
    while (text.len && blank_size(text))
        text = slice_skip(text, blank_size(text));
    return text;
}

static int refuse_encrypted(struct pem_scan *s)
{
    return REFUSE(
        s, E_UNSUPPORTED,
        "the %s is encrypted and nobody can be asked for its password: decrypt it with `openssl pkey -in FILE "
        "-out FILE`",
        s->what);
}

static int refuse_body(struct pem_scan *s, const struct block *b, struct slice at)
{
    size_t pos;
    if (find(b->body, "ENCRYPTED", &pos)) /* RFC 1421's headers, as OpenSSL 1.0 wrote them */
        return refuse_encrypted(s);
    size_t offset = (size_t)(at.data - b->body.data);
    return REFUSE(s, E_MALFORMED, "the PEM of the %s has a character that is not base64, %zu bytes after %s%s%s",
                  s->what, offset, DASHES "BEGIN ", b->label, DASHES);
}

static int put_char(struct pem_scan *s, uint8_t c, size_t *count)
{
    int err = buf_append(s->out, &c, 1);
    if (!err && ++*count % COLUMNS == 0)
        err = buf_append(s->out, "\n", 1);
    return err;
}

/* The base64 of b without its white space, in lines. */
static int put_body(struct pem_scan *s, const struct block *b)
{
    size_t count = 0, pad = 0;
    struct slice in = b->body;
    while (in.len) {
        size_t blank = blank_size(in);
        if (blank) {
            in = slice_skip(in, blank);
            continue;
        }
        bool is_pad = in.data[0] == '=';
        if ((!is_pad && (pad || !base64_char(in.data[0]))) || (is_pad && ++pad > 2))
            return refuse_body(s, b, in);
        int err = put_char(s, in.data[0], &count);
        if (err)
            return err;
        in = slice_skip(in, 1);
    }
    if (count == 0)
        return REFUSE(s, E_MALFORMED, "the PEM of the %s has nothing between its markers", s->what);
    if (count % 4)
        return REFUSE(s, E_MALFORMED, "the base64 of the %s is incomplete: a part of it is missing", s->what);
    return count % COLUMNS ? buf_append(s->out, "\n", 1) : 0;
}

static int put_marker(struct pem_scan *s, const char *word, const char *label)
{
    char line[LABEL_MAX + 32];
    int n = snprintf(line, sizeof line, DASHES "%s %s" DASHES "\n", word, label);
    return buf_append(s->out, line, (size_t)n);
}

static int keep(struct pem_scan *s, const struct block *b, const char *label)
{
    if (s->kept == (s->kind == PEM_CERTIFICATE ? PEM_CERT_MAX : 1))
        return REFUSE(s, E_TOO_MANY, "the PEM of the %s holds more than %zu of them", s->what, s->kept);
    s->kept++;
    int err = put_marker(s, "BEGIN", label);
    if (!err)
        err = put_body(s, b);
    if (!err)
        err = put_marker(s, "END", label);
    return err;
}

enum verdict { KEEP, OTHER, ENCRYPTED, FOREIGN };

/* What the labels of RFC 7468 and of OpenSSL mean; any that is not here is skipped. */
static const struct label_rule {
    const char *label, *canonical;
    enum pem_kind kind;
    enum verdict verdict;
} rules[] = {
    {"CERTIFICATE", "CERTIFICATE", PEM_CERTIFICATE, KEEP},
    {"X509 CERTIFICATE", "CERTIFICATE", PEM_CERTIFICATE, KEEP},
    {"TRUSTED CERTIFICATE", NULL, PEM_CERTIFICATE, FOREIGN},
    {"PRIVATE KEY", "PRIVATE KEY", PEM_PRIVATE_KEY, KEEP},
    {"RSA PRIVATE KEY", "RSA PRIVATE KEY", PEM_PRIVATE_KEY, KEEP},
    {"EC PRIVATE KEY", "EC PRIVATE KEY", PEM_PRIVATE_KEY, KEEP},
    {"ENCRYPTED PRIVATE KEY", NULL, PEM_PRIVATE_KEY, ENCRYPTED},
    {"DSA PRIVATE KEY", NULL, PEM_PRIVATE_KEY, FOREIGN},
    {"OPENSSH PRIVATE KEY", NULL, PEM_PRIVATE_KEY, FOREIGN},
};

static int take_rule(struct pem_scan *s, const struct block *b, const struct label_rule *rule)
{
    if (rule->kind != s->kind) {
        s->other = true;
        return 0;
    }
    if (rule->verdict == ENCRYPTED)
        return refuse_encrypted(s);
    if (rule->verdict == FOREIGN)
        return REFUSE(s, E_UNSUPPORTED, "the %s is a %s, which TLS cannot use: convert it with `openssl %s -in FILE`",
                      s->what, b->label, s->kind == PEM_CERTIFICATE ? "x509" : "pkey");
    return keep(s, b, rule->canonical);
}

static int take(struct pem_scan *s, const struct block *b)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].label, b->label) == 0)
            return take_rule(s, b, &rules[i]);
    return 0;
}

/* Nothing was found: what people do instead of giving a PEM. */
static int refuse_missing(struct pem_scan *s, struct slice text)
{
    size_t at;
    text = skip_blanks(text);
    if (text.len == 0)
        return REFUSE(s, E_NOT_FOUND, "the %s is empty: a PEM is expected", s->what);
    if (s->other)
        return REFUSE(s, E_NOT_FOUND, "there is no %s in the PEM, but a %s: were the two mixed up?", s->what,
                      s->kind == PEM_CERTIFICATE ? "private key" : "certificate");
    if (find(text, DASHES "END ", &at))
        return REFUSE(s, E_MALFORMED, "the PEM of the %s has no -----BEGIN ...----- marker: its start is missing",
                      s->what);
    if (text.data[0] == '<')
        return REFUSE(s, E_MALFORMED, "the %s is still the manifest's placeholder: put the PEM in its place", s->what);
    if (text.data[0] == '/' || text.data[0] == '.')
        return REFUSE(s, E_MALFORMED, "the %s looks like the name of a file: its contents are expected", s->what);
    if (text.data[0] == 0x30)
        return REFUSE(s, E_MALFORMED, "the %s looks like DER: convert it with `openssl %s -inform DER`", s->what,
                      s->kind == PEM_CERTIFICATE ? "x509" : "pkey");
    return REFUSE(s, E_NOT_FOUND, "there is no -----BEGIN ...----- marker of a %s: a PEM is expected", s->what);
}

static int scan(struct pem_scan *s, struct slice text)
{
    struct block b;
    int err;
    while ((err = take_block(s, &b)) == 1) {
        err = take(s, &b);
        if (err)
            return err;
    }
    if (!err && s->kept == 0)
        return refuse_missing(s, text);
    return err;
}

/* All the room at once, so that no copy of a key is left behind in memory that a growing buffer gave back: what comes
 * out is never longer than what goes in, but for the newlines. */
static int reserve(struct pem_scan *s, struct slice text)
{
    uint8_t *room;
    if (text.len > PEM_TEXT_MAX)
        return REFUSE(s, E_TOO_LARGE, "the PEM of the %s has %zu bytes, at most %zu are read", s->what, text.len,
                      PEM_TEXT_MAX);
    int err = buf_reserve(s->out, text.len + text.len / COLUMNS + PEM_SLACK, &room);
    return err ? REFUSE(s, err, "no room for the PEM of the %s: %s", s->what, err_text(err)) : 0;
}

/* --- a PEM in base64 --- */

static int base64_digit(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
                                  : 63;
}

/* `out` has room for all of it: nothing is left behind in memory that a growing buffer gave back. */
static int decode(struct pem_scan *s, struct slice text, struct buf *out)
{
    uint32_t bits = 0;
    uint8_t *room;
    size_t count = 0, n = 0;
    int err = buf_reserve(out, text.len, &room);
    if (err)
        return REFUSE(s, err, "no room for the PEM of the %s: %s", s->what, err_text(err));
    for (text = skip_blanks(text); text.len && base64_char(text.data[0]); text = skip_blanks(slice_skip(text, 1))) {
        bits = bits << 6 | (uint32_t)base64_digit(text.data[0]);
        if (++count % 4 != 1)
            room[n++] = (uint8_t)(bits >> (6 - 2 * ((count - 1) % 4)));
    }
    buf_commit(out, n);
    while (text.len && text.data[0] == '=')
        text = skip_blanks(slice_skip(text, 1));
    return text.len ? REFUSE(s, E_MALFORMED, "the %s is a PEM in base64, with a character that is not base64", s->what)
                    : 0;
}

static bool is_in_base64(struct slice text)
{
    return starts(skip_blanks(text), "LS0tLS1CRUdJTi"); /* -----BEGIN */
}

bool pem_is_text(const char *text)
{
    return strstr(text, DASHES "BEGIN") || is_in_base64(slice_str(text));
}

static int scan_base64(struct pem_scan *s, struct slice text)
{
    struct buf plain;
    buf_init(&plain, PEM_TEXT_MAX);
    int err = decode(s, text, &plain);
    if (!err) {
        s->rest = buf_slice(&plain);
        err = scan(s, s->rest);
    }
    pem_wipe(&plain);
    return err;
}

int pem_normalize(enum pem_kind kind, struct slice text, struct buf *out, char *why, size_t why_size)
{
    struct pem_scan s = {.kind = kind,
                         .what = kind == PEM_CERTIFICATE ? "certificate" : "private key",
                         .rest = text,
                         .out = out,
                         .why = why,
                         .why_size = why_size};
    size_t before = buf_len(out);
    int err = reserve(&s, text);
    if (!err)
        err = is_in_base64(text) ? scan_base64(&s, text) : scan(&s, text);
    if (err && buf_len(out) > before) {
        explicit_bzero(out->data + out->start + before, buf_len(out) - before);
        out->end = out->start + before;
    }
    return err;
}

void pem_wipe(struct buf *b)
{
    buf_wipe(b);
}
