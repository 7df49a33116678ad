/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/cgroup.h"

#include "fake_host.h"
#include "support.h"

#define MIB (UINT64_C(1) << 20)

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT                                                                                                       \
    "31 23 0:28 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"                                                \
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"                                      \
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"                                                \
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
#define V1_OF_DOCKER "901 880 0:29 /docker/1a2b /sys/fs/cgroup/memory ro,nosuid master:15 - cgroup cgroup rw,memory\n"

static void machine(const char *own, const char *mounts)
{
    fake_host_reset();
    fake_host_add_file("/proc/self/cgroup", own);
    fake_host_add_file("/proc/self/mountinfo", mounts);
}

static void assert_limit(uint64_t bytes, const char *file)
{
    struct cgroup_limit limit;
    assert_true(cgroup_memory_limit(&limit));
    assert_int_equal(limit.bytes, bytes);
    assert_string_equal(limit.file, file);
}

static void assert_no_limit(void)
{
    struct cgroup_limit limit;
    assert_false(cgroup_memory_limit(&limit));
    assert_int_equal(limit.bytes, UINT64_MAX);
}

/* MemoryMax= of a service. */
static void test_service_of_systemd(void **state)
{
    (void)state;
    machine("0::/system.slice/ephemeral.service\n", V2_MOUNT);
    fake_host_add_file("/sys/fs/cgroup/system.slice/ephemeral.service/memory.max", "536870912\n");
    fake_host_add_file("/sys/fs/cgroup/system.slice/ephemeral.service/memory.high", "max\n");
    fake_host_add_file("/sys/fs/cgroup/system.slice/memory.max", "max\n");
    assert_limit(512 * MIB, "/sys/fs/cgroup/system.slice/ephemeral.service/memory.max");
}

static void test_smallest_of_all_above_counts(void **state)
{
    (void)state;
    machine("0::/a.slice/b.slice/c.service\n", V2_MOUNT);
    fake_host_add_file("/sys/fs/cgroup/a.slice/memory.max", "209715200\n");
    fake_host_add_file("/sys/fs/cgroup/a.slice/b.slice/c.service/memory.max", "536870912\n");
    assert_limit(200 * MIB, "/sys/fs/cgroup/a.slice/memory.max");
    fake_host_add_file("/sys/fs/cgroup/a.slice/b.slice/memory.high", "104857600\n"); /* MemoryHigh= */
    assert_limit(100 * MIB, "/sys/fs/cgroup/a.slice/b.slice/memory.high");
}

static void test_other_groups_do_not_count(void **state)
{
    (void)state;
    machine("0::/system.slice/ephemeral.service\n", V2_MOUNT);
    fake_host_add_file("/sys/fs/cgroup/system.slice/ephemeral.service2/memory.max", "536870912\n");
    fake_host_add_file("/sys/fs/cgroup/system.slice/ephemeral.service/below/memory.max", "536870912\n");
    fake_host_add_file("/sys/fs/memory.max", "536870912\n");
    assert_no_limit();
}

static void test_version_1(void **state)
{
    (void)state;
    machine("9:name=systemd:/user.slice\n4:memory,hugetlb:/system.slice/e.service\n1:cpu:/other\n0::/user.slice\n",
            V1_MOUNT);
    fake_host_add_file("/sys/fs/cgroup/memory/system.slice/e.service/memory.limit_in_bytes", "268435456\n");
    fake_host_add_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_limit(256 * MIB, "/sys/fs/cgroup/memory/system.slice/e.service/memory.limit_in_bytes");
}

/* The container's own group is the root of its mount, and /proc names it as the machine does. */
static void test_container_without_a_namespace(void **state)
{
    (void)state;
    machine("4:memory:/docker/1a2b\n0::/\n", V1_OF_DOCKER);
    fake_host_add_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n");
    assert_limit(128 * MIB, "/sys/fs/cgroup/memory/memory.limit_in_bytes");
}

static void test_container_with_a_namespace(void **state)
{
    (void)state;
    machine("0::/\n", V2_MOUNT);
    fake_host_add_file("/sys/fs/cgroup/memory.max", "134217728\n");
    assert_limit(128 * MIB, "/sys/fs/cgroup/memory.max");
    machine("0::/../other\n", V2_MOUNT); /* the mount is another namespace's */
    fake_host_add_file("/sys/fs/cgroup/memory.max", "134217728\n");
    assert_limit(128 * MIB, "/sys/fs/cgroup/memory.max");
}

static void test_escaped_mount(void **state)
{
    (void)state;
    machine("0::/a\\x2db/c\n", "30 23 0:26 /a\\134x2db /sys/fs/cgroup\\040here rw - cgroup2 cgroup2 rw\n");
    fake_host_add_file("/sys/fs/cgroup here/c/memory.max", "134217728\n");
    assert_limit(128 * MIB, "/sys/fs/cgroup here/c/memory.max");
}

/* As in a container whose /proc is masked: the usual places. */
static void test_nothing_in_proc(void **state)
{
    (void)state;
    fake_host_reset();
    assert_no_limit();
    fake_host_add_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
    assert_limit(256 * MIB, "/sys/fs/cgroup/memory/memory.limit_in_bytes");
    fake_host_add_file("/sys/fs/cgroup/memory.max", "134217728\n");
    assert_limit(128 * MIB, "/sys/fs/cgroup/memory.max");
}

static void test_nonsense(void **state)
{
    static const char *const lines[] = {"",
                                        "\n",
                                        "x\n",
                                        "0:\n",
                                        "0::\n",
                                        "a b c\n",
                                        "1 2 3 / - cgroup2\n",
                                        "1 2 3 / /sys/fs/cgroup - cgroup2\n",
                                        " - cgroup2 x rw\n"};
    char own[1024] = "0::/";
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        machine(lines[i], lines[i]);
        assert_no_limit();
        fake_host_add_file("/sys/fs/cgroup/memory.max", "134217728\n");
        assert_limit(128 * MIB, "/sys/fs/cgroup/memory.max");
    }
    memset(own + 4, 'x', sizeof own - 5);
    machine(own, V2_MOUNT);
    fake_host_add_file("/sys/fs/cgroup/memory.max", "134217728\n");
    assert_limit(128 * MIB, "/sys/fs/cgroup/memory.max");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_of_systemd),
        cmocka_unit_test(test_smallest_of_all_above_counts),
        cmocka_unit_test(test_other_groups_do_not_count),
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_container_without_a_namespace),
        cmocka_unit_test(test_container_with_a_namespace),
        cmocka_unit_test(test_escaped_mount),
        cmocka_unit_test(test_nothing_in_proc),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
