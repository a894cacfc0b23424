// A policy for sockgate: nothing runs privileged. Whatever else a request asks for is left to the env flags.
//
// Settings are one line that is added to refusals, such as `ask the platform team`.

import { body } from "sockgate:policy/call@0.1.0";

let hint = "";

export const decisionPoint = {
  configure(settings) {
    hint = settings.trim();
    if (hint.includes("\n")) throw "expected one line that tells people what to do";
    // Old engines take a HostConfig with a start, too.
    const inspect = ["ContainerCreate", "ContainerStart", "ContainerExec"];
    return { name: "my-policy", version: "0.1.0", inspect, attributes: [] };
  },

  decide(request) {
    switch (request.operation) {
      case "ContainerCreate":
      case "ContainerStart":
      case "ContainerExec":
        return judge(body());
      default:
        return { tag: "defer" };
    }
  },
};

function judge({ tag, val }) {
  if (tag === "empty") return { tag: "defer" };
  if (tag === "unread") return deny("the body was not read");
  const asked = JSON.parse(val); // the gateway has seen to it that this is JSON, and means one thing only
  // A create and a start have it in their HostConfig, an exec beside its command.
  if (asked?.HostConfig?.Privileged || asked?.Privileged)
    return deny("privileged containers are not allowed; drop --privileged");
  return { tag: "defer" };
}

function deny(message) {
  return { tag: "deny", val: { message: hint ? `${message} (${hint})` : message } };
}
