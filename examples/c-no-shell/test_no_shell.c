// The rules, one row each. Built for this machine, not for WebAssembly: `make test`.

#include "policy.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

// The generated one allocates for the gateway; this is enough here.
void policy_string_dup(policy_string_t *ret, const char *text) {
    *ret = (policy_string_t){(uint8_t *)strdup(text), strlen(text)};
}

static policy_string_t string(const char *text) { return (policy_string_t){(uint8_t *)text, strlen(text)}; }

static bool is_denied(const char *operation, policy_tuple2_string_string_t *query, size_t parameters, const char *listener) {
    policy_tuple2_string_string_t attribute = {string("listener"), string(listener)};
    exports_sockgate_policy_decision_point_request_t request = {
        .operation = string(operation), .query = {query, parameters}, .attributes = {&attribute, 1}};
    exports_sockgate_policy_decision_point_decision_t decision;
    exports_sockgate_policy_decision_point_decide(&request, &decision);
    assert(decision.tag != SOCKGATE_POLICY_TYPES_DECISION_ALLOW);
    return decision.tag == SOCKGATE_POLICY_TYPES_DECISION_DENY;
}

static bool is_refused(const char *operation, const char *parameter, const char *listener) {
    policy_tuple2_string_string_t query = {string(parameter), string("1")};
    return is_denied(operation, &query, 1, listener);
}

static bool attach_is_refused(const char *first, const char *second) {
    policy_tuple2_string_string_t query[] = {
        {string("stream"), string("1")}, {string("stdin"), string(first)}, {string("stdin"), string(second)}};
    return is_denied("ContainerAttach", query, 3, "a");
}

static void configure(const char *text) {
    policy_string_t settings = string(text), error;
    exports_sockgate_policy_decision_point_manifest_t manifest;
    assert(exports_sockgate_policy_decision_point_configure(&settings, &manifest, &error));
}

int main(void) {
    configure("");
    assert(is_refused("ContainerExec", "", "a"));
    assert(is_refused("ExecStart", "", "a"));
    assert(is_refused("ContainerAttachWebsocket", "stdout", "a"));
    assert(is_refused("PutContainerArchive", "path", "a"));
    assert(is_refused("ContainerAttach", "stdin", "a"));
    assert(is_refused("", "", "a")); // whatever it is
    assert(!is_refused("ContainerAttach", "stdout", "a"));
    assert(!is_refused("ContainerLogs", "", "a"));
    assert(is_refused("ExecStart", "", "")); // no listener is no exemption

    const char *const none[] = {"", "0", "false", "no", "none"}, *const some[] = {"1", "true", "False ", " ", "00", "off"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) assert(!attach_is_refused(none[i], "1"));
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) assert(attach_is_refused(some[i], "0"));

    configure("a\r\nbb\tc\n"); // as a file has it
    assert(!is_refused("ExecStart", "", "a"));
    assert(!is_refused("ExecStart", "", "bb"));
    assert(!is_refused("ExecStart", "", "c"));
    assert(is_refused("ExecStart", "", "c\n"));
    assert(is_refused("ExecStart", "", ""));

    configure("a bb  c");
    assert(!is_refused("ExecStart", "", "a"));
    assert(!is_refused("ExecStart", "", "bb"));
    assert(!is_refused("ExecStart", "", "c"));
    assert(is_refused("ExecStart", "", "b"));
    assert(is_refused("ExecStart", "", "a bb"));
    assert(is_refused("ExecStart", "", ""));
}
