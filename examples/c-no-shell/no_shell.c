// Nobody gets into a running container: no exec, no attach with stdin, no files copied in.
//
// The rule: what is not about that is left to the next policy and the env flags.
// The exception: clients of the listeners that POLICY_SETTINGS names, with spaces or lines between them.

#include "policy.h"
#include <stdlib.h>
#include <string.h>

typedef exports_sockgate_policy_decision_point_manifest_t manifest_t;
typedef exports_sockgate_policy_decision_point_request_t request_t;
typedef exports_sockgate_policy_decision_point_decision_t decision_t;

// The settings as they are. A policy need not free what it holds: its memory ends with the decision.
static policy_string_t exempt;

static bool is(policy_string_t text, const char *wanted) {
    return text.len == strlen(wanted) && memcmp(text.ptr, wanted, text.len) == 0;
}

static bool is_space(uint8_t byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

static bool is_exempt(policy_string_t listener) {
    for (size_t start = 0, end; start < exempt.len; start = end + 1) {
        for (end = start; end < exempt.len && !is_space(exempt.ptr[end]); end++) {}
        if (end - start == listener.len && listener.len > 0 && memcmp(exempt.ptr + start, listener.ptr, listener.len) == 0)
            return true;
    }
    return false;
}

static bool comes_from_exempt(const request_t *request) {
    for (size_t i = 0; i < request->attributes.len; i++)
        if (is(request->attributes.ptr[i].f0, "listener")) return is_exempt(request->attributes.ptr[i].f1);
    return false;
}

// `docker run` in the foreground attaches too, but to look on: without stdin, or with what the engine reads as none. It
// acts on the first of several.
static bool has_stdin(const request_t *request) {
    static const char *const none[] = {"", "0", "false", "no", "none"};
    for (size_t i = 0; i < request->query.len; i++) {
        if (!is(request->query.ptr[i].f0, "stdin")) continue;
        for (size_t j = 0; j < sizeof none / sizeof *none; j++)
            if (is(request->query.ptr[i].f1, none[j])) return false;
        return true;
    }
    return false;
}

static bool gets_in(const request_t *request) {
    static const char *const ways[] = {"ContainerExec", "ExecStart", "ContainerAttachWebsocket", "PutContainerArchive"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (is(request->operation, ways[i])) return true;
    return (is(request->operation, "ContainerAttach") && has_stdin(request)) || request->operation.len == 0;
}

bool exports_sockgate_policy_decision_point_configure(policy_string_t *settings, manifest_t *manifest, policy_string_t *error) {
    (void)error; // whatever the settings are
    exempt = *settings;
    *manifest = (manifest_t){0};
    policy_string_dup(&manifest->name, "no-shell");
    policy_string_dup(&manifest->version, "0.1.0");
    return true;
}

void exports_sockgate_policy_decision_point_decide(request_t *request, decision_t *decision) {
    if (!gets_in(request) || comes_from_exempt(request)) {
        *decision = (decision_t){.tag = SOCKGATE_POLICY_TYPES_DECISION_DEFER};
        return;
    }
    *decision = (decision_t){.tag = SOCKGATE_POLICY_TYPES_DECISION_DENY};
    policy_string_dup(&decision->val.deny.message, "nobody gets into a running container; look on with `docker logs`");
}
