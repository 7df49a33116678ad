/* SPDX-License-Identifier: Apache-2.0 */
/* The layer between protocols and router, over a cluster of one, with no protocol in front of it. Clocks stand still
 * until the test moves them. */
#ifndef API_RIG_H
#define API_RIG_H

#include "alone.h"
#include "api/answer.h"
#include "api/authorize.h"
#include "api/login.h"
#include "api/properties.h"
#include "api/request.h"
#include "api/security_admin.h"
#include "base/rng.h"

struct api_rig {
    uint64_t now_ms;
    struct rng rng;
    struct clock clock;
    struct timers timers;
    struct metrics metrics;
    struct alone alone;
    struct password_queue passwords;
    struct put_scratch scratch;
    struct api api;       /* users "myuser" and "other"; objects of 1,000 bytes, 3 siblings, tombstones for 3 s */
    struct principal who; /* "myuser", let in by certificate */
    struct outcome out;   /* for whoever is asked; a code that is none before each test */
    struct router_request request;
    /* Of the last answer of the router. */
    bool answered;
    int err;
    uint64_t number;
    bool has_object;
    char value[64];
};

int api_rig_setup(void **state);
int api_rig_teardown(void **state);
#define API_CASE(f) cmocka_unit_test_setup_teardown(f, api_rig_setup, api_rig_teardown)

/* Time passes; timers fire, turns of the loop end. */
void api_rig_wait(struct api_rig *r, uint64_t ms);

/* A change of the users, made. */
void api_rig_change(struct api_rig *r, struct security_change c);
void api_rig_add_user(struct api_rig *r, const char *name, const char *password); /* NULL: none */
void api_rig_add_source(struct api_rig *r, const char *name, const char *range, enum security_method method);
void api_rig_grant(struct api_rig *r, const char *name, uint32_t permissions, const char *type, const char *bucket);
void api_rig_create_type(struct api_rig *r, const char *type, const struct bucket_props *props);
void api_rig_set_bucket(struct api_rig *r, const char *type, const char *bucket, const struct bucket_props *props);

/* Gives what was prepared to the router, and waits: what answer_of_key() makes of it. */
bool api_rig_write(struct api_rig *r, struct prepared_write *w);
bool api_rig_read(struct api_rig *r, const struct prepared_read *p);

struct principal api_rig_principal(const char *user, bool configured, bool is_node);
struct key_names api_rig_names(const char *type, const char *bucket, const char *key);

#define assert_outcome(r, expected) assert_string_equal(outcome_name((r)->out.code), outcome_name(expected))

#endif
