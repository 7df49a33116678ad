/* SPDX-License-Identifier: Apache-2.0 */
/* Histories that a correct store can have, and such that it cannot. */
#include "support.h"

#include "history/check.h"

#include <stdlib.h>

static struct check_report report;

static bool read_text(struct history *h, const char *text, char *why, size_t size)
{
    FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(f);
    history_init(h);
    bool good = history_read(h, f, why, size);
    fclose(f);
    return good;
}

static enum check_verdict judge(const char *text)
{
    struct history h;
    char why[256] = "";
    if (!read_text(&h, text, why, sizeof why))
        fail_msg("%s", why);
    enum check_verdict v = history_check(&h, &report);
    history_fini(&h);
    return v;
}

static const struct example {
    const char *what;
    enum check_verdict verdict;
    const char *text;
} examples[] = {
    {"nothing", CHECK_RIGHT, ""},
    {"a comment alone", CHECK_RIGHT, "# nothing\n\n"},
    {"a write is read", CHECK_RIGHT, "a 1 2 put k x - ok -\nb 3 4 get k x - ok -\n"},
    {"a key that nobody wrote is absent", CHECK_RIGHT, "a 1 2 get k - - absent -\n"},
    {"a write is lost", CHECK_WRONG, "a 1 2 put k x - ok -\nb 3 4 get k - - absent -\n"},
    {"a read at the same time may see it or not", CHECK_RIGHT,
     "a 1 9 put k x - ok -\nb 2 3 get k - - absent -\nc 4 5 get k x - ok -\n"},
    {"what was seen stays", CHECK_WRONG, "a 1 9 put k x - ok -\nb 2 3 get k x - ok -\nc 4 5 get k - - absent -\n"},
    {"a stale read", CHECK_WRONG, "a 1 2 put k x - ok -\na 3 4 put k y - ok -\nb 5 6 get k x - ok -\n"},
    {"keys have nothing to do with each other", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 3 4 get l - - absent -\nb 5 6 get k x - ok -\n"},
    {"one creates, the other is told so", CHECK_RIGHT,
     "a 1 4 create k x - ok -\nb 1 4 create k y - exists -\nc 5 6 get k x - ok -\n"},
    {"two create the same", CHECK_WRONG, "a 1 4 create k x - ok -\nb 2 5 create k y - ok -\n"},
    {"exists, where nothing was", CHECK_WRONG, "a 1 2 create k x - exists -\n"},
    {"created where something was", CHECK_WRONG, "a 1 2 put k x - ok -\nb 3 4 create k y - ok -\n"},
    {"created again when it was deleted", CHECK_RIGHT,
     "a 1 2 create k x - ok -\nb 3 4 delete k - - ok -\nc 5 6 create k y - ok -\n"},
    {"one of two changes what both saw", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 3 6 cas k y x ok -\nc 3 6 cas k z x modified -\n"},
    {"both change what both saw", CHECK_WRONG, "a 1 2 put k x - ok -\nb 3 6 cas k y x ok -\nc 3 6 cas k z x ok -\n"},
    {"modified, where nobody did", CHECK_WRONG, "a 1 2 put k x - ok -\nb 3 4 cas k y x modified -\n"},
    {"absent, where it is", CHECK_WRONG, "a 1 2 put k x - ok -\nb 3 4 cas k y x absent -\n"},
    {"changed when it was deleted", CHECK_WRONG,
     "a 1 2 put k x - ok -\nb 3 4 delete k - - ok -\nc 5 6 cas k y x ok -\n"},
    {"deleted, then read", CHECK_WRONG, "a 1 2 put k x - ok -\nb 3 4 delete k - - ok -\nc 5 6 get k x - ok -\n"},
    {"failed is failed", CHECK_RIGHT, "a 1 2 put k x - failed -\nb 3 4 get k - - absent -\n"},
    {"failed, and is read", CHECK_WRONG, "a 1 2 put k x - failed -\nb 3 4 get k x - ok -\n"},
    {"not answered, never seen", CHECK_RIGHT, "a 1 - put k x - unknown -\nb 3 4 get k - - absent -\n"},
    {"not answered, seen late", CHECK_RIGHT,
     "a 1 - put k x - unknown -\nb 3 4 get k - - absent -\nb 50 60 get k x - ok -\n"},
    {"not answered, seen, and gone", CHECK_WRONG,
     "a 1 - put k x - unknown -\nb 3 4 get k x - ok -\nb 5 6 get k - - absent -\n"},
    {"not answered, seen before it began", CHECK_WRONG, "b 3 4 get k x - ok -\na 5 - put k x - unknown -\n"},
    {"an answer of which nobody knows is no answer", CHECK_RIGHT, "a 1 2 put k x - unknown -\nb 9 9 get k x - ok -\n"},
    {"what nobody saw is in the way of a create", CHECK_RIGHT,
     "a 1 - put k x - unknown -\nb 3 4 create k y - exists -\n"},
    {"and in the way of a change", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 3 - put k y - unknown -\nc 5 6 cas k z x modified -\n"},
    {"a delete that nobody answered makes room", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 3 - delete k - - unknown -\nc 5 6 create k y - ok -\n"},
    {"one delete makes room once", CHECK_WRONG,
     "a 1 2 put k x - ok -\nb 3 - delete k - - unknown -\nc 5 6 create k y - ok -\nc 7 8 create k z - ok -\n"},
    {"a change that nobody answered, seen", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 3 - cas k y x unknown -\nc 5 6 get k y - ok -\nc 7 8 create k z - exists -\n"},
    {"a change that nobody answered, of what was not there", CHECK_WRONG,
     "a 1 2 put k x - ok -\na 3 4 put k w - ok -\nb 5 - cas k y x unknown -\nc 7 8 get k y - ok -\n"},
    {"expired", CHECK_RIGHT, "a 1 2 put k x - ok -\n- 5 9 expire k x - ok -\nb 10 11 get k - - absent -\n"},
    {"not yet expired", CHECK_RIGHT, "a 1 2 put k x - ok -\n- 5 9 expire k x - ok -\nb 6 7 get k x - ok -\n"},
    {"expired too early", CHECK_WRONG, "a 1 2 put k x - ok -\n- 5 9 expire k x - ok -\nb 3 4 get k - - absent -\n"},
    {"not expired in time", CHECK_WRONG, "a 1 2 put k x - ok -\n- 5 9 expire k x - ok -\nb 10 11 get k x - ok -\n"},
    {"expired and back", CHECK_WRONG,
     "a 1 2 put k x - ok -\n- 5 9 expire k x - ok -\nb 6 7 get k - - absent -\nb 8 8 get k x - ok -\n"},
    {"what was written over does not expire", CHECK_RIGHT,
     "a 1 2 put k x - ok -\na 3 4 put k y - ok -\n- 5 9 expire k x - ok -\nb 10 11 get k y - ok -\n"},
    {"written and expired, and nobody saw it", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 3 - put k y - unknown -\n- 5 - expire k y - unknown -\nc 10 11 create k z - ok -\n"},
    {"lost with all who held it", CHECK_RIGHT,
     "a 1 2 put k x - ok -\n- 5 9 lose * - - ok -\nb 10 11 get k - - absent -\n"},
    {"not lost after all", CHECK_RIGHT, "a 1 2 put k x - ok -\n- 5 9 lose * - - ok -\nb 10 11 get k x - ok -\n"},
    {"an older value is back", CHECK_RIGHT,
     "a 1 2 put k x - ok -\na 3 4 put k y - ok -\n- 5 9 lose k - - ok -\nb 10 11 get k x - ok -\n"},
    {"lost again and again", CHECK_WRONG,
     "a 1 2 put k x - ok -\n- 5 9 lose * - - ok -\nb 10 11 get k x - ok -\nb 12 13 get k - - absent -\n"},
    {"lost before it was written", CHECK_WRONG,
     "- 1 2 lose * - - ok -\na 3 4 put k x - ok -\nb 10 11 get k - - absent -\n"},
    {"lost after it was read", CHECK_WRONG, "a 1 2 put k x - ok -\nb 3 4 get k - - absent -\n- 5 9 lose * - - ok -\n"},
    {"another key was lost", CHECK_WRONG, "a 1 2 put k x - ok -\n- 5 9 lose l - - ok -\nb 10 11 get k - - absent -\n"},
    {"a value that nobody wrote, after a loss", CHECK_WRONG,
     "a 1 2 put k x - ok -\n- 5 9 lose * - - ok -\nb 10 11 get k y - ok -\n"},
    {"exists after a loss, then absent", CHECK_WRONG,
     "a 1 2 put k x - ok -\n- 3 4 lose * - - ok -\na 5 6 create k y - exists -\na 7 8 get k - - absent -\n"},
    {"expired after a loss, then read", CHECK_WRONG,
     "a 1 2 put k x - ok -\n- 3 4 lose * - - ok -\n- 5 6 expire k x - ok -\na 7 8 get k x - ok -\n"},
    {"begun after a loss, read before and after it was deleted", CHECK_WRONG,
     "- 1 2 lose * - - ok -\na 10 20 put k x - ok -\nb 12 13 get k x - ok -\nb 14 15 delete k - - ok -\n"
     "b 16 17 get k - - absent -\nb 21 22 get k x - ok -\n"},
    {"modified after a loss, and it was not", CHECK_WRONG,
     "a 1 2 put k x - ok -\n- 3 4 lose * - - ok -\na 5 6 cas k y x modified -\na 7 8 get k x - ok -\n"},
    {"modified after a loss: the value of before that", CHECK_RIGHT,
     "a 1 2 put k w - ok -\na 1 2 put k x - ok -\n- 3 4 lose * - - ok -\na 5 6 cas k y x modified -\n"
     "a 7 8 get k w - ok -\n"},
    {"a change that nobody answered saves from expiry", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 3 - cas k y x unknown -\n- 5 6 expire k x - ok -\na 7 8 create k z - exists -\n"},
    {"three that nobody answered make it absent", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 3 - put k f - unknown -\nb 3 - cas k u f unknown -\n- 3 - expire k u - ok -\n"
     "a 7 8 get k - - absent -\n"},
    {"no replica has what was not created", CHECK_WRONG,
     "a 1 2 put k x - ok -\na 3 4 create k y - exists -\na 5 6 get1 k y - ok -\n"},
    {"any replica may be behind", CHECK_RIGHT,
     "a 1 2 put k x - ok -\na 3 4 put k y - ok -\nb 5 6 get1 k x - ok -\nc 7 8 get1 k - - absent -\n"},
    {"no replica has what nobody wrote", CHECK_WRONG, "a 1 2 put k x - ok -\nb 5 6 get1 k y - ok -\n"},
    {"no replica has what is not written yet", CHECK_WRONG, "b 1 2 get1 k x - ok -\na 5 6 put k x - ok -\n"},
    {"revisions go on", CHECK_RIGHT, "a 1 2 put k x - ok 0001\na 3 4 put k y - ok 0002\nb 5 6 get k y - ok 0002\n"},
    {"a revision goes back", CHECK_WRONG, "a 1 2 put k x - ok 0002\nb 5 6 get k x - ok 0001\n"},
    {"a write that is no step on", CHECK_WRONG, "a 1 2 put k x - ok 0002\na 3 4 put k y - ok 0002\n"},
    {"at the same time there is no order", CHECK_RIGHT,
     "a 1 4 put k x - ok 0002\nb 2 5 put k y - ok 0001\nc 6 7 get k x - ok 0002\n"},
    {"of any replica it may go back", CHECK_RIGHT,
     "a 1 2 put k x - ok 0001\na 3 4 put k y - ok 0002\nb 5 6 get1 k x - ok 0001\n"},
    {"but not behind what the same client has read", CHECK_WRONG,
     "a 1 2 put k x - ok 0001\na 3 4 put k y - ok 0002\nb 5 6 get1 k y - ok 0002\nb 7 8 get1 k x - ok 0001\n"},
    {"nor has written", CHECK_WRONG, "a 1 2 put k x - ok 0001\na 3 4 put k y - ok 0002\na 5 6 get1 k x - ok 0001\n"},
    {"what it has written is not there", CHECK_WRONG, "a 1 2 put k x - ok -\na 3 4 get1 k - - absent -\n"},
    {"what it has written somebody deletes", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 1 9 delete k - - ok -\na 3 4 get1 k - - absent -\n"},
    {"what it has written is lost", CHECK_RIGHT,
     "a 1 2 put k x - ok -\n- 3 4 lose * - - ok -\na 5 6 get1 k - - absent -\n"},
    {"what it has read of any replica was gone for long", CHECK_RIGHT,
     "a 1 2 put k x - ok -\na 3 4 delete k - - ok -\nb 5 6 get1 k x - ok -\nb 7 8 get1 k - - absent -\n"},
    {"what it has deleted is back", CHECK_WRONG,
     "a 1 2 put k x - ok -\na 3 4 delete k - - ok -\na 5 6 get1 k x - ok -\n"},
    {"what it has deleted is written again", CHECK_RIGHT,
     "a 1 2 put k x - ok -\na 3 4 delete k - - ok -\nb 4 6 put k y - ok -\na 5 7 get1 k y - ok -\n"},
    {"what it has not found is back", CHECK_WRONG,
     "a 1 2 put k x - ok -\na 3 4 delete k - - ok -\nb 5 6 get k - - absent -\nb 7 8 get1 k x - ok -\n"},
    {"what a replica did not have yet it has now", CHECK_RIGHT,
     "a 1 2 put k x - ok -\nb 3 4 get1 k - - absent -\nb 5 6 get1 k x - ok -\n"},
};

/* Counters. */
static const struct example counters[] = {
    {"up, as it is told", CHECK_RIGHT,
     "a 1 2 count k - - absent -\na 3 4 add k 1 - ok -\nb 5 6 add k 2 - ok -\n"
     "c 7 8 count k 2 - ok -\n"},
    {"two at once, in either order", CHECK_RIGHT, "a 1 9 add k 2 - ok -\nb 1 9 add k 1 - ok -\n"},
    {"nobody is told", CHECK_RIGHT, "a 1 2 add k - - ok -\nb 3 4 add k - - ok -\nc 5 6 count k 2 - ok -\n"},
    {"one that nobody answered counts, or not, or later", CHECK_RIGHT,
     "a 1 - add k - - unknown -\nb 3 4 count k - - absent -\nc 5 6 add k 1 - ok -\nd 7 8 count k 2 - ok -\n"},
    {"what failed does not count", CHECK_WRONG, "a 1 2 add k - - failed -\nb 3 4 add k 2 - ok -\n"},
    {"an add is lost", CHECK_WRONG, "a 1 2 add k 1 - ok -\nb 3 4 add k - - ok -\nc 5 6 count k 1 - ok -\n"},
    {"the first add is lost", CHECK_WRONG, "a 1 2 add k - - ok -\nb 3 4 count k - - absent -\n"},
    {"an add counts twice", CHECK_WRONG, "a 1 2 add k 1 - ok -\nb 3 4 add k 3 - ok -\n"},
    {"one that nobody answered counts twice", CHECK_WRONG, "a 1 - add k - - unknown -\nb 3 4 count k 2 - ok -\n"},
    {"two come to the same", CHECK_WRONG, "a 1 9 add k 1 - ok -\nb 1 9 add k 1 - ok -\nc 1 9 add k 2 - ok -\n"},
    {"a read goes back", CHECK_WRONG,
     "a 1 9 add k 1 - ok -\nb 1 9 add k 2 - ok -\nc 2 3 count k 2 - ok -\nd 4 5 count k 1 - ok -\n"},
    {"an add goes back", CHECK_WRONG,
     "a 1 2 add k 1 - ok -\nb 3 9 add k 3 - ok -\nc 3 9 add k - - ok -\n"
     "d 10 11 add k 3 - ok -\n"},
    {"a loss", CHECK_RIGHT,
     "a 1 2 add k 1 - ok -\nb 3 4 add k 2 - ok -\n- 5 6 lose k - - ok -\n"
     "c 7 8 add k 1 - ok -\nd 9 10 add k 2 - ok -\n"},
    {"wrong behind a loss", CHECK_WRONG, "- 5 6 lose k - - ok -\nc 7 8 add k 1 - ok -\nd 9 10 add k 1 - ok -\n"},
    {"wrong before a loss", CHECK_WRONG, "a 1 2 add k 1 - ok -\nb 3 4 add k 1 - ok -\n- 5 6 lose k - - ok -\n"},
    {"in the midst of a loss", CHECK_RIGHT, "a 1 2 add k 1 - ok -\nb 3 6 add k 1 - ok -\n- 5 9 lose k - - ok -\n"},
};

static void judge_all(const struct example *e, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum check_verdict v = judge(e[i].text);
        if (v != e[i].verdict)
            fail_msg("%s: %d\n%s%s", e[i].what, v, e[i].text, report.story);
        assert_int_equal(v == CHECK_RIGHT, report.story[0] == '\0');
    }
}

static const struct example permissions[] = {
    {"a permission is there from the start", CHECK_RIGHT, "a 1 2 may p - - ok -\n"},
    {"denied from the start", CHECK_WRONG, "a 1 2 may p - - absent -\n"},
    {"revoked, and denied", CHECK_RIGHT, "o 1 2 revoke p - - ok -\na 3 4 may p - - absent -\n"},
    {"revoked, and served", CHECK_WRONG, "o 1 2 revoke p - - ok -\na 3 4 may p - - ok -\n"},
    {"while it is revoked, one is served and one is not", CHECK_RIGHT,
     "o 1 9 revoke p - - ok -\na 2 3 may p - - absent -\nb 4 5 may p - - ok -\n"},
    {"asked before it was revoked, served behind", CHECK_RIGHT, "o 2 3 revoke p - - ok -\na 1 4 may p - - ok -\n"},
    {"denied before it was revoked", CHECK_WRONG, "a 1 2 may p - - absent -\no 3 4 revoke p - - ok -\n"},
    {"granted again, and served", CHECK_RIGHT,
     "o 1 2 revoke p - - ok -\no 3 4 grant p - - ok -\na 5 6 may p - - ok -\n"},
    {"granted again, and denied", CHECK_WRONG,
     "o 1 2 revoke p - - ok -\no 3 4 grant p - - ok -\na 5 6 may p - - absent -\n"},
    {"of two at once either may be the last", CHECK_RIGHT,
     "o 1 4 revoke p - - ok -\nq 2 5 grant p - - ok -\na 6 7 may p - - absent -\nb 6 7 may p - - ok -\n"},
    {"a revocation that nobody answered comes at any time", CHECK_RIGHT,
     "o 1 - revoke p - - unknown -\nq 2 3 grant p - - ok -\na 4 5 may p - - ok -\nb 6 7 may p - - absent -\n"},
    {"one that failed does not", CHECK_WRONG, "o 1 2 revoke p - - failed -\na 4 5 may p - - absent -\n"},
    {"a loss brings back what was", CHECK_RIGHT,
     "o 1 2 revoke p - - ok -\n- 3 4 lose p - - ok -\na 5 6 may p - - ok -\n"},
    {"but not behind a change", CHECK_WRONG,
     "o 1 2 revoke p - - ok -\n- 3 4 lose p - - ok -\no 5 6 revoke p - - ok -\na 7 8 may p - - ok -\n"},
};

static void test_permissions(void **state)
{
    (void)state;
    judge_all(permissions, sizeof permissions / sizeof permissions[0]);
}

static const struct example members[] = {
    {"nothing is in it", CHECK_RIGHT, "a 1 2 member e x - absent -\n"},
    {"nobody has included it", CHECK_WRONG, "a 1 2 member e x - ok -\n"},
    {"included, and there", CHECK_RIGHT, "a 1 2 include e - - ok -\nb 3 4 member e x - ok -\n"},
    {"included, and not there", CHECK_WRONG, "a 1 2 include e - - ok -\nb 3 4 member e x - absent -\n"},
    {"at the same time, either", CHECK_RIGHT,
     "a 1 9 include e - - ok -\nb 2 3 member e x - ok -\nc 4 5 member e y - absent -\n"},
    {"seen, and excluded", CHECK_RIGHT,
     "a 1 2 include e - - ok -\nb 3 4 member e x - ok -\nb 5 6 exclude e - x ok -\nc 7 8 member e y - absent -\n"},
    {"seen, excluded, and there", CHECK_WRONG,
     "a 1 2 include e - - ok -\nb 3 4 member e x - ok -\nb 5 6 exclude e - x ok -\nc 7 8 member e y - ok -\n"},
    {"an exclusion that failed takes nothing", CHECK_WRONG,
     "a 1 2 include e - - ok -\nb 3 4 member e x - ok -\nb 5 6 exclude e - x failed -\nc 7 8 member e y - absent -\n"},
    {"one that nobody answered may", CHECK_RIGHT,
     "a 1 2 include e - - ok -\nb 3 4 member e x - ok -\nb 5 - exclude e - x unknown -\nc 7 8 member e y - absent -\n"
     "c 9 10 member e z - ok -\n"},
    {"what it has not seen stays", CHECK_RIGHT,
     "a 1 2 include e - - ok -\nb 3 4 member e x - ok -\na 5 6 include e - - ok -\nb 7 8 exclude e - x ok -\n"
     "c 9 10 member e y - ok -\n"},
    {"what it has not seen goes", CHECK_WRONG,
     "a 1 2 include e - - ok -\nb 3 4 member e x - ok -\na 5 6 include e - - ok -\nb 7 8 exclude e - x ok -\n"
     "c 9 10 member e y - absent -\n"},
    {"it came in while the answer was made: either", CHECK_RIGHT,
     "a 2 3 include e - - ok -\nb 1 4 member e x - ok -\nb 5 6 exclude e - x ok -\nc 7 8 member e y - absent -\n"
     "c 7 8 member e z - ok -\n"},
    {"an inclusion counts again", CHECK_WRONG,
     "a 1 2 include e - - ok -\nb 3 4 member e x - ok -\nb 5 6 exclude e - x ok -\nc 7 8 member e y - absent -\n"
     "c 9 10 member e z - ok -\n"},
    {"one that nobody answered may come later", CHECK_RIGHT,
     "a 1 - include e - - unknown -\nb 3 4 member e x - ok -\nb 5 6 exclude e - x ok -\nc 7 8 member e y - ok -\n"},
    {"lost", CHECK_RIGHT, "a 1 2 include e - - ok -\n- 3 4 lose e - - ok -\nb 5 6 member e x - absent -\n"},
    {"lost before", CHECK_WRONG, "- 1 2 lose e - - ok -\na 3 4 include e - - ok -\nb 5 6 member e x - absent -\n"},
    {"an exclusion is lost", CHECK_RIGHT,
     "a 1 2 include e - - ok -\nb 3 4 member e x - ok -\nb 5 6 exclude e - x ok -\n- 7 8 lose e - - ok -\n"
     "c 9 10 member e y - ok -\n"},
};

static void test_members(void **state)
{
    (void)state;
    judge_all(members, sizeof members / sizeof members[0]);
}

static void test_counters(void **state)
{
    (void)state;
    judge_all(counters, sizeof counters / sizeof counters[0]);
}

static void test_examples(void **state)
{
    (void)state;
    judge_all(examples, sizeof examples / sizeof examples[0]);
}

/* What is wrong is told with the operations by which one sees it. */
static void test_story(void **state)
{
    (void)state;
    assert_int_equal(judge("anna 1 2 put door open - ok -\nbert 3 4 get door - - absent -\n"), CHECK_WRONG);
    assert_non_null(strstr(report.story, "anna 1 2 put door open - ok -"));
    assert_non_null(strstr(report.story, "bert 3 4 get door - - absent -"));
}

static const struct {
    const char *line, *why;
} malformed[] = {
    {"a 1 2 put k x - ok\n", "line 1: it has not nine words"},
    {"a 1 2 put k x - ok - -\n", "line 1: it has not nine words"},
    {"# good\na x 2 put k x - ok -\n", "line 2: the second and third words are no times"},
    {"a 1 -2 put k x - ok -\n", "line 1: the second and third words are no times"},
    {"a 3 2 put k x - ok -\n", "line 1: it ends before it begins"},
    {"a 1 2 push k x - ok -\n", "line 1: the fourth word is no kind of operation"},
    {"a 1 2 put k x - good -\n", "line 1: the eighth word is no outcome"},
    {"a 1 2 put k x - exists -\n", "line 1: such an operation has no such outcome"},
    {"a 1 2 put k - - ok -\n", "line 1: it has no value"},
    {"a 1 2 cas k x - ok -\n", "line 1: it has no value"},
    {"a 1 2 get - x - ok -\n", "line 1: it has no key"},
    {"a 1 - put k x - ok -\n", "line 1: it was answered, and has no end"},
    {"a 1 2 put k x - ok -\na 3 4 put k x - ok -\n", "line 2: its value was written before"},
    {"a 1 2 get k x - ok 0g\n", "line 1: the ninth word is no revision in hexadecimal digits"},
    {"a 1 2 get k x - ok 012\n", "line 1: the ninth word is no revision in hexadecimal digits"},
};

static void test_malformed(void **state)
{
    struct history h;
    char why[256], long_line[2000];
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        assert_false(read_text(&h, malformed[i].line, why, sizeof why));
        assert_string_equal(why, malformed[i].why);
        history_fini(&h);
    }
    memset(long_line, 'x', sizeof long_line - 1);
    long_line[sizeof long_line - 1] = '\0';
    assert_false(read_text(&h, long_line, why, sizeof why));
    assert_string_equal(why, "line 1: it is too long");
    history_fini(&h);
}

static void test_written_is_read_again(void **state)
{
    static const char text[] = "a 1 2 put k x - ok 00ff\nb 3 - cas k y x unknown -\n- 5 9 lose l - - ok -\n";
    struct history h;
    char why[256], *out = NULL;
    size_t size;
    (void)state;
    assert_true(read_text(&h, text, why, sizeof why));
    FILE *f = open_memstream(&out, &size);
    history_write(&h, f);
    fclose(f);
    assert_string_equal(out, text);
    free(out);
    history_fini(&h);
}

/* So many that nobody answered, in the way of everything: it is decided all the same. */
static void test_many_unanswered(void **state)
{
    struct history h;
    (void)state;
    history_init(&h);
    for (uint32_t i = 0; i < 2000; i++) {
        struct history_op put = {.begin = 10 * i,
                                 .end = HISTORY_NEVER,
                                 .kind = HISTORY_PUT,
                                 .outcome = HISTORY_UNKNOWN,
                                 .key = 1,
                                 .value = 3 * i + 1};
        struct history_op gone = {.begin = 10 * i + 1, .end = 10 * i + 3, .kind = HISTORY_DELETE, .key = 1};
        struct history_op create = {.begin = 10 * i + 4,
                                    .end = 10 * i + 6,
                                    .kind = HISTORY_CREATE,
                                    .key = 1,
                                    .value = 3 * i + 2,
                                    .outcome = i % 2 ? HISTORY_EXISTS : HISTORY_OK};
        history_add(&h, &put);
        history_add(&h, &gone);
        history_add(&h, &create);
    }
    assert_int_equal(history_check(&h, &report), CHECK_RIGHT);
    assert_int_equal(report.keys, 1);
    history_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),        cmocka_unit_test(test_story),
        cmocka_unit_test(test_malformed),       cmocka_unit_test(test_written_is_read_again),
        cmocka_unit_test(test_many_unanswered), cmocka_unit_test(test_counters),
        cmocka_unit_test(test_permissions),     cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
