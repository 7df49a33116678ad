/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/security_text.h"

#include "ephemeralctl/options.h"
#include "ephemeralctl/text.h"

static bool complain(const char *what, const char *word)
{
    options_complain("%s: '%s'", what, word);
    return false;
}

static bool take_text(char *to, size_t size, struct slice from, const char *what)
{
    memset(to, 0, size);
    if (from.len >= size) {
        options_complain("%s of %zu bytes: at most %zu can be given here", what, from.len, size - 1);
        return false;
    }
    if (from.len)
        memcpy(to, from.data, from.len);
    return true;
}

struct slice security_text_word(struct slice *list)
{
    const uint8_t *comma = list->len ? memchr(list->data, ',', list->len) : NULL;
    struct slice word = slice_make(list->data, comma ? (size_t)(comma - list->data) : list->len);
    *list = slice_skip(*list, word.len + (comma != NULL));
    return word;
}

bool security_text_role(struct slice word, enum security_role role, struct security_change *c)
{
    if (word.len > 6 && memcmp(word.data, "group/", 6) == 0) {
        role = ROLE_GROUP;
        word = slice_skip(word, 6);
    } else if (word.len > 5 && memcmp(word.data, "user/", 5) == 0) {
        role = ROLE_USER;
        word = slice_skip(word, 5);
    } else if (slice_is(word, "all")) {
        role = ROLE_ALL;
        word = slice_make(NULL, 0);
    }
    c->role = role;
    if (!take_text(c->name, sizeof c->name, word, "a name"))
        return false;
    security_name_lower(c->name);
    return true;
}

/* --- the verbs --- */

static bool take_groups(struct security_change *c, const char *text)
{
    struct slice list = slice_str(text);
    c->has_groups = true;
    while (list.len) {
        if (c->group_count == SECURITY_GROUPS_OF) {
            options_complain("groups=%s: one can be in %d groups at most", text, SECURITY_GROUPS_OF);
            return false;
        }
        char *name = c->group[c->group_count++].name;
        if (!take_text(name, SECURITY_NAME_SIZE, security_text_word(&list), "the name of a group"))
            return false;
        security_name_lower(name);
    }
    return true;
}

static bool take_fields(enum security_role role, char **words, int count, struct security_change *c,
                        bool *reads_password)
{
    for (int i = 0; i < count; i++) {
        if (strncmp(words[i], "groups=", 7) == 0) {
            if (!take_groups(c, words[i] + 7))
                return false;
        } else if (role == ROLE_USER && strcmp(words[i], "password=-") == 0) {
            *reads_password = true;
        } else if (role == ROLE_USER && strncmp(words[i], "password=", 9) == 0) {
            options_complain("a password that stands in a command can be seen by others: give password=- and write it "
                             "to standard input");
            return false;
        } else {
            return complain(role == ROLE_USER ? "neither groups=A,B nor password=-" : "not groups=A,B", words[i]);
        }
    }
    return true;
}

/* PERMISSIONS on any|TYPE [BUCKET] to|from WHO */
static bool take_grant(char **words, int count, const char *preposition, struct security_change *c, const char **who)
{
    bool any = count > 2 && strcmp(words[2], "any") == 0;
    if ((count != 5 && count != 6) || strcmp(words[1], "on") != 0 || strcmp(words[count - 2], preposition) != 0 ||
        (any && count == 6)) {
        options_complain("PERMISSIONS on any|TYPE [BUCKET] %s WHO is what follows", preposition);
        return false;
    }
    if (!*words[2] || !*words[count - 3]) {
        options_complain("an empty word is no bucket type and no bucket: any is all of them");
        return false;
    }
    c->permissions = permissions_of(slice_str(words[0]));
    if (!c->permissions)
        return complain("not all of these are permissions (ephemeralctl user --help shows them)", words[0]);
    *who = words[count - 1];
    return (any || take_text(c->type, sizeof c->type, slice_str(words[2]), "a bucket type")) &&
           (count == 5 || take_text(c->bucket, sizeof c->bucket, slice_str(words[3]), "a bucket"));
}

static bool take_source(char **words, int count, struct security_change *c, const char **who)
{
    struct address_range range;
    const char *why;
    bool adds = count == 4 && strcmp(words[0], "add") == 0;
    if (!adds && !(count == 3 && strcmp(words[0], "delete") == 0)) {
        options_complain("source add NAME|all RANGE METHOD, or source delete NAME|all RANGE");
        return false;
    }
    c->act = adds ? SECURITY_ADD_SOURCE : SECURITY_DELETE_SOURCE;
    *who = words[1];
    if (!range_parse(words[2], &range, &why)) {
        options_complain("'%s' is no range: %s", words[2], why);
        return false;
    }
    c->method = adds ? security_method_of(words[3]) : 0;
    if (adds && !c->method)
        return complain("the method is certificate, password or trust", words[3]);
    range_text(&range, c->range, sizeof c->range);
    return true;
}

bool security_text_parse(enum security_role role, char **words, int count, struct security_change *out,
                         const char **who, bool *reads_password)
{
    static const char *const acts[] = {"add", "alter", "delete"};
    const char *verb = words[0];
    *out = (struct security_change){0};
    *reads_password = false;
    for (int i = 0; i < 3; i++)
        if (strcmp(verb, acts[i]) == 0 && count >= 2) {
            out->act = SECURITY_ADD + (enum security_act)i;
            *who = words[1];
            return take_fields(role, words + 2, count - 2, out, reads_password) &&
                   (i != 2 || count == 2 || complain("nothing follows the name", words[2]));
        }
    if (role == ROLE_USER && strcmp(verb, "grant") == 0) {
        out->act = SECURITY_GRANT;
        return take_grant(words + 1, count - 1, "to", out, who);
    }
    if (role == ROLE_USER && strcmp(verb, "revoke") == 0) {
        out->act = SECURITY_REVOKE;
        return take_grant(words + 1, count - 1, "from", out, who);
    }
    if (role == ROLE_USER && strcmp(verb, "source") == 0)
        return take_source(words + 1, count - 1, out, who);
    return complain("no such verb, or a name is missing (--help shows them)", verb);
}

/* --- printing --- */

/* With what stands before it in one word. */
static void print_named(const char *before, const char *name, FILE *out)
{
    char word[SECURITY_NAME_SIZE + 8];
    snprintf(word, sizeof word, "%s%s", before, name);
    text_word(word, out);
}

static void print_role(const struct security_change *c, FILE *out)
{
    if (c->role == ROLE_ALL)
        fputs("all", out);
    else
        print_named(c->role == ROLE_GROUP ? "group/" : "", c->name, out);
}

static void print_scope(const struct security_change *c, FILE *out)
{
    fputs(" on ", out);
    text_word(*c->type ? c->type : "any", out);
    if (!*c->bucket)
        return;
    fputc(' ', out);
    text_word(c->bucket, out);
}

static void print_permissions(uint32_t set, FILE *out)
{
    const char *between = "";
    if (set == PERMISSIONS_ALL)
        fputs("all", out);
    for (unsigned i = 0; set != PERMISSIONS_ALL && i < PERMISSION_COUNT; i++)
        if (set & PERMISSION_BIT(i)) {
            fprintf(out, "%s%s", between, permission_name(i));
            between = ",";
        }
}

static void print_fields(const struct security_change *c, FILE *out)
{
    fprintf(out, "%s %s ", c->role == ROLE_GROUP ? "group" : "user", c->act == SECURITY_ADD ? "add" : "alter");
    text_word(c->name, out);
    for (size_t i = 0; i < c->group_count; i++) {
        fputs(i ? "," : " groups=", out);
        text_word(c->group[i].name, out);
    }
    fputs(c->has_password ? " password=-" : "", out);
}

void security_text_print(const struct security_change *c, FILE *out)
{
    if (c->configured) {
        fputs("# ", out);
        text_word(c->name, out);
        fputs(", of the configuration: by certificate from everywhere, everything granted", out);
    } else if (c->act == SECURITY_GRANT || c->act == SECURITY_REVOKE) {
        bool grants = c->act == SECURITY_GRANT;
        fprintf(out, "user %s ", grants ? "grant" : "revoke");
        print_permissions(c->permissions, out);
        print_scope(c, out);
        fputs(grants ? " to " : " from ", out);
        print_role(c, out);
    } else if (c->act == SECURITY_ADD_SOURCE) {
        fputs("user source add ", out);
        print_role(c, out);
        fprintf(out, " %s %s", c->range, security_method_name(c->method));
    } else if (c->act == SECURITY_DELETE_SOURCE) {
        fputs("user source delete ", out);
        print_role(c, out);
        fprintf(out, " %s", c->range);
    } else {
        print_fields(c, out);
    }
    fputc('\n', out);
}

static void json_permissions(struct json *j, uint32_t set)
{
    json_open(j, "permissions", '[');
    for (unsigned i = 0; i < PERMISSION_COUNT; i++)
        if (set & PERMISSION_BIT(i))
            json_string(j, NULL, slice_str(permission_name(i)));
    json_close(j, ']');
}

static void json_groups(struct json *j, const struct security_change *c)
{
    json_open(j, "groups", '[');
    for (size_t i = 0; i < c->group_count; i++)
        json_string(j, NULL, slice_str(c->group[i].name));
    json_close(j, ']');
}

static void json_scope(struct json *j, const char *name, const char *value)
{
    if (*value)
        json_string(j, name, slice_str(value));
    else
        json_null(j, name);
}

static void json_fields(const struct security_change *c, struct json *j)
{
    if (c->act == SECURITY_GRANT || c->act == SECURITY_REVOKE) {
        json_permissions(j, c->permissions);
        json_scope(j, "type", c->type);
        json_scope(j, "bucket", c->bucket);
    } else if (c->act == SECURITY_ADD_SOURCE || c->act == SECURITY_DELETE_SOURCE) {
        json_string(j, "range", slice_str(c->range));
        if (c->act == SECURITY_ADD_SOURCE)
            json_string(j, "method", slice_str(security_method_name(c->method)));
    } else {
        json_groups(j, c);
        json_bool(j, "password", c->has_password);
        json_bool(j, "configured", c->configured);
    }
}

void security_text_json(const struct security_change *c, struct json *j)
{
    static const char *const acts[] = {
        [SECURITY_ADD] = "add",       [SECURITY_ALTER] = "alter",       [SECURITY_GRANT] = "grant",
        [SECURITY_REVOKE] = "revoke", [SECURITY_ADD_SOURCE] = "source", [SECURITY_DELETE_SOURCE] = "source delete"};
    static const char *const roles[] = {[ROLE_USER] = "user", [ROLE_GROUP] = "group", [ROLE_ALL] = "all"};
    const char *act = c->act <= SECURITY_ACT_MAX ? acts[c->act] : NULL;
    json_open(j, NULL, '{');
    json_string(j, "act", slice_str(act ? act : "unknown"));
    json_string(j, "role", slice_str(roles[c->role]));
    json_scope(j, "name", c->name);
    json_fields(c, j);
    json_close(j, '}');
}
