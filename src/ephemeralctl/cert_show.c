/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/cert_show.h"

#include "base/validity.h"
#include "ephemeralctl/text.h"

#define HEAD_WIDTH 14

static void line(FILE *out, const char *head, const char *text)
{
    fprintf(out, "  %-*s", HEAD_WIDTH, head);
    text_name(slice_str(*text ? text : "-"), true, out);
    fputc('\n', out);
}

static void show_dates(const struct cert_view *v, int64_t now, FILE *out)
{
    char from[VALIDITY_TEXT_SIZE], to[VALIDITY_TEXT_SIZE];
    long long days = (long long)validity_days_left(v->not_after, now);
    fprintf(out, "  %-*s%s to %s, ", HEAD_WIDTH, "valid", validity_text(v->not_before, from),
            validity_text(v->not_after, to));
    if (now < v->not_before)
        fputs("NOT YET VALID\n", out);
    else if (days < 0)
        fputs("EXPIRED\n", out);
    else
        fprintf(out, "%lld day%s left\n", days, days == 1 ? "" : "s");
}

static void show_names(const struct cert_view *v, FILE *out)
{
    for (size_t i = 0; i < v->name_count; i++)
        line(out, i ? "" : "names", v->name[i]);
    if (!v->name_count)
        line(out, "names", "");
}

void cert_show_text(const struct cert_view *v, int64_t now, FILE *out)
{
    char usage[2 * CERT_VIEW_LINE_MAX + 2];
    line(out, "role", cert_use_name(cert_view_use(v)));
    line(out, "subject", v->subject);
    line(out, "issuer", v->is_self_signed ? "itself" : v->issuer);
    show_dates(v, now, out);
    show_names(v, out);
    line(out, "key", v->key);
    line(out, "signature", v->signature);
    snprintf(usage, sizeof usage, "%s%s%s", v->key_usage, *v->key_usage && *v->ext_key_usage ? "; " : "",
             v->ext_key_usage);
    line(out, "usage", usage);
    fprintf(out, "  %-*sX.509 v%d\n", HEAD_WIDTH, "version", v->version);
    line(out, "serial", v->serial);
    line(out, "SHA-256", v->fingerprint);
}

static void text_or_null(struct json *j, const char *name, const char *text)
{
    if (*text)
        json_string(j, name, slice_str(text));
    else
        json_null(j, name);
}

void cert_show_json(const struct cert_view *v, int64_t now, struct json *j)
{
    char room[VALIDITY_TEXT_SIZE];
    json_open(j, NULL, '{');
    json_string(j, "role", slice_str(cert_use_name(cert_view_use(v))));
    json_string(j, "subject", slice_str(v->subject));
    json_string(j, "issuer", slice_str(v->issuer));
    text_or_null(j, "common_name", v->cn.first);
    json_string(j, "valid_from", slice_str(validity_text(v->not_before, room)));
    json_string(j, "ends", slice_str(validity_text(v->not_after, room)));
    json_signed(j, "days", validity_days_left(v->not_after, now));
    json_open(j, "names", '[');
    for (size_t i = 0; i < v->name_count; i++)
        json_string(j, NULL, slice_str(v->name[i]));
    json_close(j, ']');
    json_string(j, "key", slice_str(v->key));
    json_string(j, "signature", slice_str(v->signature));
    text_or_null(j, "key_usage", v->key_usage);
    text_or_null(j, "extended_key_usage", v->ext_key_usage);
    json_number(j, "version", (uint64_t)v->version);
    json_bool(j, "self_signed", v->is_self_signed);
    json_bool(j, "ca", v->is_ca);
    json_string(j, "serial", slice_str(v->serial));
    json_string(j, "sha256", slice_str(v->fingerprint));
    json_close(j, '}');
}

void cert_show_verdict(const char *who, const struct cert_verdict *v, FILE *out)
{
    fprintf(out, "  %-22s%s%s", who, v->ok ? "yes" : "no", *v->why ? ": " : "");
    text_name(slice_str(v->why), true, out);
    fputc('\n', out);
}

void cert_show_verdict_json(const char *key, const char *who, const struct cert_verdict *v, struct json *j)
{
    json_open(j, NULL, '{');
    json_string(j, key, slice_str(who));
    json_bool(j, "ok", v->ok);
    json_string(j, "why", slice_str(v->why));
    json_close(j, '}');
}
