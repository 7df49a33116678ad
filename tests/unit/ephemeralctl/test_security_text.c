/* SPDX-License-Identifier: Apache-2.0 */
/* The words of `user` and `group`: what is printed is read again as the same change. */
#include "support.h"

#include "base/rng.h"
#include "ephemeralctl/security_text.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS_MAX 16

/* Splits in place. */
static int split(char *text, char **words)
{
    int n = 0;
    for (char *p = strtok(text, " \n"); p; p = strtok(NULL, " \n")) {
        assert_true(n < WORDS_MAX);
        words[n++] = p;
    }
    return n;
}

static bool parse(const char *line, struct security_change *out, bool *password)
{
    char text[512], *words[WORDS_MAX];
    const char *who;
    snprintf(text, sizeof text, "%s", line);
    int n = split(text, words);
    enum security_role role = strcmp(words[0], "group") == 0 ? ROLE_GROUP : ROLE_USER;
    return security_text_parse(role, words + 1, n - 1, out, &who, password) &&
           security_text_role(slice_str(who), role, out);
}

static void printed(const struct security_change *c, char **out)
{
    size_t size;
    FILE *f = open_memstream(out, &size);
    security_text_print(c, f);
    fclose(f);
}

static const struct {
    const char *line;
    struct security_change c;
} lines[] = {
    {"user add joe\n", {.act = SECURITY_ADD, .role = ROLE_USER, .name = "joe"}},
    {"user add joe groups=a,b\n",
     {.act = SECURITY_ADD,
      .role = ROLE_USER,
      .name = "joe",
      .has_groups = true,
      .group_count = 2,
      .group = {{"a"}, {"b"}}}},
    {"group alter ops groups=a\n",
     {.act = SECURITY_ALTER,
      .role = ROLE_GROUP,
      .name = "ops",
      .has_groups = true,
      .group_count = 1,
      .group = {{"a"}}}},
    {"user grant riak_kv.get,riak_core.set_bucket on default b to group/ops\n",
     {.act = SECURITY_GRANT,
      .role = ROLE_GROUP,
      .name = "ops",
      .permissions = PERMISSION_BIT(MAY_GET) | PERMISSION_BIT(MAY_SET_BUCKET),
      .type = "default",
      .bucket = "b"}},
    {"user grant all on any to all\n", {.act = SECURITY_GRANT, .role = ROLE_ALL, .permissions = PERMISSIONS_ALL}},
    {"user grant riak_kv.put on maps to joe\n",
     {.act = SECURITY_GRANT, .role = ROLE_USER, .name = "joe", .permissions = PERMISSION_BIT(MAY_PUT), .type = "maps"}},
    {"user revoke all on any from joe\n",
     {.act = SECURITY_REVOKE, .role = ROLE_USER, .name = "joe", .permissions = PERMISSIONS_ALL}},
    {"user source delete joe ::/0\n",
     {.act = SECURITY_DELETE_SOURCE, .role = ROLE_USER, .name = "joe", .range = "::/0"}},
    {"user source add all 10.0.0.0/8 trust\n",
     {.act = SECURITY_ADD_SOURCE, .role = ROLE_ALL, .range = "10.0.0.0/8", .method = METHOD_TRUST}},
    {"user source add joe ::1/128 password\n",
     {.act = SECURITY_ADD_SOURCE, .role = ROLE_USER, .name = "joe", .range = "::1/128", .method = METHOD_PASSWORD}},
};

static void what_is_printed_is_read_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct security_change c;
        bool password;
        char *text;
        printed(&lines[i].c, &text);
        assert_string_equal(text, lines[i].line);
        assert_true(parse(text, &c, &password));
        assert_false(password);
        assert_memory_equal(&c, &lines[i].c, sizeof c);
        free(text);
    }
}

static void the_verbs_that_take_away(void **state)
{
    struct security_change c;
    bool password;
    (void)state;
    assert_true(parse("user delete Joe", &c, &password));
    assert_true(c.act == SECURITY_DELETE && c.role == ROLE_USER);
    assert_string_equal(c.name, "joe");
    assert_true(parse("user revoke riak_kv.get on any from user/all", &c, &password));
    assert_true(c.act == SECURITY_REVOKE && c.role == ROLE_USER && c.permissions == 1 && !*c.type);
    assert_true(parse("user source delete joe 10.0.0.1", &c, &password));
    assert_true(c.act == SECURITY_DELETE_SOURCE);
    assert_string_equal(c.range, "10.0.0.1/32");
    assert_true(parse("user alter joe groups= password=-", &c, &password));
    assert_true(c.has_groups && c.group_count == 0 && password);
}

static void what_is_no_change(void **state)
{
    static const char *const bad[] = {
        "user fly",
        "user add",
        "user add joe groups",
        "user add joe password=secret",
        "group add ops password=-",
        "user delete joe now",
        "group grant riak_kv.get on any to joe",
        "user grant riak_kv.get on any",
        "user grant riak_kv.get at any to joe",
        "user grant riak_kv.get on any from joe",
        "user revoke riak_kv.get on any to joe",
        "user grant riak_kv.get on any b to joe",
        "user grant riak_kv.fly on any to joe",
        "user source joe 10.0.0.0/8 trust",
        "user source add joe 10.0.0.0/8",
        "user source add joe 10.0.0.0/8 pam",
        "user source add joe 10.0.0.1/8 trust",
        "user source delete joe 10.0.0.0/8 trust",
        "user add joe groups=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
        "user add aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct security_change c;
        bool password;
        assert_false(parse(bad[i], &c, &password));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(the_verbs_that_take_away),
        cmocka_unit_test(what_is_no_change),
    };
    return cmocka_run_group_tests_name("ephemeralctl/security_text", tests, NULL, NULL);
}
