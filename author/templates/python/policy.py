"""A policy for sockgate: nothing runs privileged. Whatever else a request asks for is left to the env flags.

Settings are one line that is added to refusals, such as `ask the platform team`.
"""

import json

from componentize_py_types import Err
from wit_world.imports import call
from wit_world.imports.types import Decision_Defer, Decision_Deny, Denial, Manifest

# Old engines take a HostConfig with a start, too.
INSPECTED = ["ContainerCreate", "ContainerStart", "ContainerExec"]


class DecisionPoint:
    hint = ""

    def configure(self, settings):
        # Each call gets an object of its own; what they share is the class.
        DecisionPoint.hint = settings.strip()
        if "\n" in DecisionPoint.hint:
            raise Err("expected one line that tells people what to do")
        return Manifest("my-policy", "0.1.0", INSPECTED, [])

    def decide(self, request):
        if request.operation in INSPECTED:
            return self.judge(call.body())
        return Decision_Defer()

    def judge(self, body):
        if isinstance(body, call.RequestBody_Empty):
            return Decision_Defer()
        if isinstance(body, call.RequestBody_Unread):
            return self.deny("the body was not read")
        asked = json.loads(body.value) or {}  # the gateway has seen to it that this is JSON, and means one thing only
        # A create and a start have it in their HostConfig, an exec beside its command.
        if (asked.get("HostConfig") or {}).get("Privileged") or asked.get("Privileged"):
            return self.deny("privileged containers are not allowed; drop --privileged")
        return Decision_Defer()

    def deny(self, message):
        return Decision_Deny(Denial(f"{message} ({self.hint})" if self.hint else message, None))
