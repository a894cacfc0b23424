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

static bool is_refused(const char *operation, const char *parameter, const char *listener) {
    policy_tuple2_string_string_t query = {string(parameter), string("0")}, attribute = {string("listener"), string(listener)};
    exports_sockgate_policy_decision_point_request_t request = {
        .operation = string(operation), .query = {&query, 1}, .attributes = {&attribute, 1}};
    exports_sockgate_policy_decision_point_decision_t decision;
    exports_sockgate_policy_decision_point_decide(&request, &decision);
    assert(decision.tag != SOCKGATE_POLICY_TYPES_DECISION_ALLOW);
    return decision.tag == SOCKGATE_POLICY_TYPES_DECISION_DENY;
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

    configure("a bb  c");
    assert(!is_refused("ExecStart", "", "a"));
    assert(!is_refused("ExecStart", "", "bb"));
    assert(!is_refused("ExecStart", "", "c"));
    assert(is_refused("ExecStart", "", "b"));
    assert(is_refused("ExecStart", "", "a bb"));
    assert(is_refused("ExecStart", "", ""));
}
