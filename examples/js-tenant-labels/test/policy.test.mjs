// The rules, one row each: who asks for what, and what becomes of it. Run: node --test

import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";

register("./gateway.mjs", import.meta.url);
const { call, engine } = await import("./gateway.mjs");
const { decisionPoint } = await import("../policy.js");

const SETTINGS = {
  label: "team",
  clients: [{ listener: "unix:///run/a.sock", tenant: "a" }, { uid: 1002, tenant: "b" }],
};
const container = (team, id, Networks = {}, Image = "sha256:plain") =>
  ({ Id: id, Image, Config: { Labels: { team } }, NetworkSettings: { Networks } });
const FULL = "ab12".repeat(16);
engine.objects = {
  "container mine": container("a", FULL),
  "container ab12": container("a", FULL),
  [`container ${FULL}`]: container("a", FULL),
  "container theirs": container("b", "cd34"),
  "container bare": { Id: "ef56", Name: "/bare", Config: { Labels: null } },
  "container running": container("a", "12".repeat(32), { theirs: { NetworkID: "44".repeat(32) } }), // by id
  "container created": container("a", "23".repeat(32), { mine: { NetworkID: "" }, bridge: { NetworkID: "" } }),
  "container squatter": container("a", "34".repeat(32), { mine: { NetworkID: "11".repeat(32) }, theirs: { NetworkID: "" } }),
  "container outlived": container("a", "45".repeat(32), { absent: null }),
  "container marked": container("a", "56".repeat(32), {}, "sha256:marked"),
  "container of-b": container("a", "67".repeat(32), {}, "sha256:of-b"),
  "container orphan": container("a", "78".repeat(32), {}, "sha256:gone"),
  "container unknown": container("a", "89".repeat(32), {}, "sha256:down"),
  "container down": "connection refused",
  "image sha256:plain": { Config: { Labels: null } },
  "image sha256:marked": { Config: { Labels: { team: "a" } } },
  "image sha256:of-b": { Config: { Labels: { team: "b" } } },
  "image sha256:down": "connection refused",
  "image marked:1": { Config: { Labels: { team: "a" } } },
  "image bare:1": {},
  "exec e1": { ContainerID: FULL },
  "exec e2": { ContainerID: "theirs" },
  "network mine": { Id: "11".repeat(32), Name: "mine", Labels: { team: "a" } },
  "network 1111": { Id: "11".repeat(32), Name: "mine", Labels: { team: "a" } },
  "network theirs": { Id: "22".repeat(32), Name: "theirs", Labels: { team: "b" } },
  "network bridge": { Id: "33".repeat(32), Name: "bridge", Labels: {} },
  "network host": { Id: "44".repeat(32), Name: "host", Labels: {} },
  "volume mine": { Name: "mine", Labels: { team: "a" } },
  "volume theirs": { Name: "theirs", Labels: { team: "b" } },
};

// What tenant a is told: the denial, or undefined where the policy has nothing against it.
function ask(operation, { subject = null, query = [], body, from = [["listener", "unix:///run/a.sock"]] } = {}) {
  const family = /^(Container|Exec|Image|Network|Volume)/.exec(operation)?.[1].toLowerCase() + "s";
  const val = typeof body === "string" ? body : JSON.stringify(body);
  call.body = body === undefined ? { tag: "empty" } : { tag: "complete", val };
  const request = { operation, family, subject, query, attributes: from, method: "POST", path: "/path" };
  const decision = decisionPoint.decide(request);
  assert.notEqual(decision.tag, "allow", "this policy leaves the last word to others");
  return decision.val;
}

const passes = (...what) => assert.equal(ask(...what), undefined);
const refused = (because, ...what) => assert.match(ask(...what)?.message ?? "passed", because);
const create = (body) => ["ContainerCreate", { body: { Image: "alpine", Labels: { team: "a" }, ...body } }];
const filters = (value) => ({ query: [["filters", typeof value === "string" ? value : JSON.stringify(value)]] });

test.beforeEach(() => decisionPoint.configure(JSON.stringify(SETTINGS)));

test("a client is known by its listener or its uid, and an unknown one gets nothing", () => {
  passes("ContainerInspect", { subject: "mine" });
  passes("ContainerInspect", { subject: "theirs", from: [["listener", "unix:///run/x.sock"], ["peer.uid", "1002"]] });
  refused(/no tenant/, "SystemPing", { from: [["listener", "unix:///run/x.sock"], ["peer.uid", "0"]] });
  refused(/no tenant/, "SystemPing", { from: [] });
});

test("settings that say less than they must are refused", () => {
  for (const wrong of ["", "{", "[]", '{"label":"team"}', '{"label":"a=b","clients":[]}',
    '{"label":"team","clients":[{"tenant":"a"}]}', '{"label":"team","clients":[{"uid":"1000","tenant":"a"}]}',
    '{"label":"team","clients":[{"uid":1000,"listner":"unix:///run/a.sock","tenant":"a"}]}'])
    assert.throws(() => decisionPoint.configure(wrong), undefined, wrong);
});

test("a container is touched by the tenant of its label only", () => {
  for (const operation of ["ContainerStop", "ContainerExport", "ContainerAttachWebsocket", "PutContainerArchive"]) {
    for (const subject of ["mine", "ab12", FULL]) passes(operation, { subject });
    for (const subject of ["theirs", "bare", "absent"]) refused(/^no container .* with label team=a$/, operation, { subject });
    refused(/cannot look up container down: connection refused/, operation, { subject: "down" });
  }
});

test("what is another's looks like what is not there", () => {
  const [theirs, absent] = ["theirs", "absent"].map((subject) => ask("ContainerInspect", { subject }));
  assert.deepEqual(theirs, { message: "no container theirs with label team=a", status: 404 });
  assert.equal(absent.message, theirs.message.replace("theirs", "absent"));
  assert.equal(absent.status, theirs.status);
});

test("an exec belongs to its container", () => {
  for (const operation of ["ExecStart", "ExecResize", "ExecInspect"]) {
    passes(operation, { subject: "e1" });
    refused(/no container theirs/, operation, { subject: "e2" });
    refused(/no container/, operation, { subject: "mine" });
  }
});

test("lists, events and prunes name the label in the first filters, in either form", () => {
  for (const operation of ["ContainerList", "SystemEvents", "NetworkList", "VolumeList", "NetworkPrune", "VolumePrune"]) {
    passes(operation, filters({ label: ["team=a"] }));
    passes(operation, filters({ label: { "team=a": true }, name: { x: true } }));
    for (const wrong of [{}, { label: ["team=b"] }, { label: ["team"] }, { label: "team=a" }, { label: null },
      { Label: ["team=a"] }, { label: { "team=a": false } }, { "label!": ["team=a"] }, { name: ["team=a"] }])
      refused(/add --filter label=team=a/, operation, filters(wrong));
    for (const wrong of ["null", "{", '{"label":["team=a"]} x']) refused(/./, operation, filters(wrong));
    refused(/add --filter/, operation);
    // The last of two keys counts, here as in the engine.
    passes(operation, filters('{"label":["team=b"],"label":["team=a"]}'));
    refused(/add --filter/, operation, filters('{"label":["team=a"],"label":["team=b"]}'));
    const first = ["filters", '{"label":["team=b"]}'];
    refused(/add --filter/, operation, { query: [first, ...filters({ label: ["team=a"] }).query] });
  }
});

test("what is made carries the label", () => {
  passes(...create({}));
  for (const Labels of [null, {}, { team: "b" }, { Team: "a" }]) {
    refused(/add --label team=a/, ...create({ Labels }));
    for (const operation of ["NetworkCreate", "VolumeCreate"]) refused(/add --label team=a/, operation, { body: { Labels } });
  }
  for (const operation of ["NetworkCreate", "VolumeCreate"]) {
    passes(operation, { body: { Name: "mine", Labels: { team: "a" } } });
    refused(/exists and is not yours/, operation, { body: { Name: "theirs", Labels: { team: "a" } } });
    refused(/driver nfs/, operation, { body: { Labels: { team: "a" }, Driver: "nfs" } });
  }
  refused(/add --label/, "ContainerCreate");
  refused(/./, "ContainerCreate", { body: "null" });
});

test("a label that a container has from its image makes nobody its owner", () => {
  for (const subject of ["mine", "of-b"]) passes("ContainerExec", { subject });
  for (const operation of ["ContainerInspect", "ContainerExec", "ContainerStart", "ContainerDelete", "PutContainerArchive"]) {
    refused(/^no container marked with label team=a$/, operation, { subject: "marked" });
    refused(/its image sha256:gone is gone/, operation, { subject: "orphan" });
    refused(/cannot look up image sha256:down/, operation, { subject: "unknown" });
  }
  refused(/no container marked/, ...create({ HostConfig: { VolumesFrom: ["marked"] } }));
  refused(/no container marked/, "NetworkConnect", { subject: "mine", body: { Container: "marked" } });
  // Nor does it help to say the label besides: nobody could tell the two apart later.
  refused(/^marked:1 carries the label team=a itself/, ...create({ Image: "marked:1" }));
  for (const Image of ["alpine", "bare:1", "sha256:of-b"]) passes(...create({ Image }));
  refused(/is not for tenants/, "ContainerPrune", filters({ label: ["team=a"] })); // the engine counts such labels
});

test("a new container reaches no other tenant", () => {
  for (const HostConfig of [
    { VolumesFrom: ["mine:ro", FULL] }, { Links: ["mine:db"] }, { NetworkMode: "container:mine" },
    { NetworkMode: "mine" }, { NetworkMode: "default" }, { Binds: ["mine:/data", "/anonymous"] },
    { Mounts: [{ Type: "volume", Source: "mine", Target: "/data" }, { Type: "tmpfs", Target: "/tmp" }] }, null,
    { Mounts: [{ Type: "volume", Target: "/anonymous" }] },
  ]) passes(...create({ HostConfig }));
  for (const HostConfig of [
    { VolumesFrom: ["theirs"] }, { Links: ["theirs:db"] }, { NetworkMode: "container:theirs" }, { NetworkMode: "theirs" },
    { NetworkMode: "host" }, { NetworkMode: "container:" }, { Binds: ["theirs:/data"] }, { VolumesFrom: [""] },
    { Mounts: [{ Type: "volume", Source: "theirs" }] },
  ]) refused(/^no (container|network|volume) .* with label team=a$/, ...create({ HostConfig }));
  const endpoint = (name, config) => create({ NetworkingConfig: { EndpointsConfig: { [name]: config } } });
  passes(...endpoint("bridge", null));
  passes(...endpoint("mine", { Links: ["mine:db"], Aliases: ["web"], NetworkID: "" }));
  refused(/no network theirs/, ...endpoint("theirs", {}));
  refused(/no network host/, ...endpoint("host", {}));
  refused(/no container theirs/, ...endpoint("container:theirs", {}));
  refused(/DriverOpts/, ...endpoint("mine", { DriverOpts: { any: "thing" } }));
  refused(/no container theirs/, ...endpoint("mine", { Links: ["theirs:db"] }));
});

test("the start of an id is not enough where nothing pins it", () => {
  refused(/write the whole id/, ...create({ HostConfig: { VolumesFrom: ["ab12"] } }));
  refused(/write the whole id/, ...create({ HostConfig: { NetworkMode: "1111" } }));
  refused(/write the whole id/, "NetworkDelete", { subject: "1111" });
});

test("a body sets nothing that reaches past the tenant's containers", () => {
  for (const [name, value] of Object.entries({
    Privileged: true, PidMode: "host", IpcMode: "container:theirs", UsernsMode: "host", CapAdd: ["ALL"],
    Devices: [{ PathOnHost: "/dev/sda" }], SecurityOpt: ["apparmor=unconfined"], CgroupParent: "/x", Runtime: "other",
    DeviceRequests: [{ Count: -1 }], MaskedPaths: [], ReadonlyPaths: [], VolumeDriver: "nfs", OfTomorrow: 1,
  })) {
    refused(/is not for you to set/, ...create({ HostConfig: { [name]: value } }));
    refused(/is not for you to set/, ...create({ [name]: value, HostConfig: {} })); // where old engines look too
    refused(/is not for you to set/, "ContainerStart", { subject: "mine", body: { [name]: value } });
    refused(/is not for you to set/, "ContainerUpdate", { subject: "mine", body: { [name]: value } });
  }
  const driver = { Type: "volume", Source: "mine", VolumeOptions: { DriverConfig: { Options: { device: "/" } } } };
  refused(/VolumeOptions/, ...create({ HostConfig: { Mounts: [driver] } }));
  for (const Type of ["bind", "image", "cluster", "npipe", undefined])
    refused(new RegExp(`${Type} mounts are not allowed`), ...create({ HostConfig: { Mounts: [{ Type, Source: "mine" }] } }));
  refused(/bind mounts/, ...create({ HostConfig: { Binds: ["mine:/data", "/etc:/etc:ro"] } }));
  refused(/DriverOpts/, "VolumeCreate", { body: { Labels: { team: "a" }, DriverOpts: { device: "/" } } });
  refused(/Options/, "NetworkCreate", { body: { Labels: { team: "a" }, Options: { parent: "eth0" } } });
  refused(/Config is/, "NetworkCreate", { body: { Labels: { team: "a" }, IPAM: { Config: [{ Subnet: "10.0.0.0/8" }] } } });
  refused(/driver nfs/, "NetworkCreate", { body: { Labels: { team: "a" }, IPAM: { Driver: "nfs" } } });
  passes("NetworkCreate", { body: { Labels: { team: "a" }, IPAM: { Driver: "default", Options: {}, Config: [] } } });
  refused(/Privileged/, "ContainerExec", { subject: "mine", body: { Cmd: ["sh"], Privileged: true } });
  passes("ContainerExec", { subject: "mine", body: { Cmd: ["sh"], Privileged: false } });
  passes("ContainerUpdate", { subject: "mine", body: { Memory: 1, Devices: null } });
});

test("a field that nobody thought of is refused however deep it is", () => {
  const OfTomorrow = 1;
  for (const HostConfig of [
    { Mounts: [{ Type: "tmpfs", TmpfsOptions: { OfTomorrow } }] }, { RestartPolicy: { OfTomorrow } },
    { Ulimits: [{ Name: "nofile" }, { OfTomorrow }] }, { PortBindings: { "80/tcp": [{ HostPort: "80", OfTomorrow }] } },
  ]) refused(/OfTomorrow is not/, ...create({ HostConfig }));
  for (const body of [
    { Healthcheck: { OfTomorrow } }, { NetworkingConfig: { OfTomorrow } }, { Volumes: { "/data": { OfTomorrow } } },
    { NetworkingConfig: { EndpointsConfig: { mine: { IPAMConfig: { OfTomorrow } } } } }, { constructor: { OfTomorrow } },
  ]) refused(/(OfTomorrow|constructor) is not/, ...create(body));
  refused(/OfTomorrow is not/, "NetworkCreate", { body: { Labels: { team: "a" }, IPAM: { OfTomorrow } } });
  refused(/OfTomorrow is not/, "NetworkConnect", { subject: "mine", body: { EndpointConfig: { OfTomorrow } } });
});

test("the fields that clients send at their defaults pass", () => {
  passes(...create({ HostConfig: {
    ContainerIDFile: "", LogConfig: { Type: "", Config: {} }, Privileged: false, CapAdd: null, Devices: [], OomScoreAdj: 0,
    ConsoleSize: [0, 0], MemorySwappiness: -1, MaskedPaths: null, NetworkMode: "default", RestartPolicy: { Name: "no" },
  } }));
});

test("what is there counts, even if all in it is at its default", () => {
  for (const HostConfig of [
    { Sysctls: { "net.ipv4.ip_forward": "" } }, { Annotations: { "io.x": "" } }, { StorageOpt: { size: "" } },
    { LogConfig: { Config: { "syslog-address": "" } } }, { DeviceRequests: [{}] }, { CapAdd: [""] }, { Devices: [null] },
    { MaskedPaths: [] }, { ReadonlyPaths: [] }, { OfTomorrow: {} }, { OfTomorrow: [] }, { LogConfig: { OfTomorrow: {} } },
    { Mounts: [{ Type: "tmpfs", BindOptions: {} }] }, { Mounts: [{ Type: "tmpfs", VolumeOptions: { DriverConfig: {} } }] },
  ]) refused(/is not for you to set/, ...create({ HostConfig }));
  const Labels = { team: "a" };
  refused(/ClusterVolumeSpec/, "VolumeCreate", { body: { Labels, ClusterVolumeSpec: {} } });
  refused(/DriverOpts/, "VolumeCreate", { body: { Labels, DriverOpts: { device: "" } } });
  refused(/Options/, "NetworkCreate", { body: { Labels, Options: { "com.docker.network.bridge.name": "" } } });
  refused(/ConfigFrom/, "NetworkCreate", { body: { Labels, ConfigFrom: {} } });
  refused(/Config is/, "NetworkCreate", { body: { Labels, IPAM: { Config: [{}] } } });
  refused(/DriverOpts/, "NetworkConnect", { subject: "mine", body: { Container: "mine", EndpointConfig: { DriverOpts: { x: "" } } } });
  refused(/Privileged/, "ContainerExec", { subject: "mine", body: { Privileged: {} } });
});

test("what clients repeat of path and query passes", () => {
  passes(...create({ name: "web", platform: "", VolumesFrom: [] }));
  passes("ContainerExec", { subject: "mine", body: { Container: "mine", Cmd: ["sh"], detachKeys: "ctrl-x" } });
  passes("ContainerStart", { subject: "mine", query: [["detachKeys", "ctrl-x"]], body: { detachKeys: "ctrl-x" } });
  refused(/could be an id/, ...create({ name: FULL }));
  refused(/VolumesFrom/, ...create({ VolumesFrom: ["theirs"] }));
});

test("a start joins no network that has become another's", () => {
  for (const operation of ["ContainerStart", "ContainerRestart"]) {
    for (const subject of ["mine", "created", "running"]) passes(operation, { subject });
    refused(/no network theirs with label team=a/, operation, { subject: "squatter" });
    refused(/no network absent/, operation, { subject: "outlived" });
  }
  passes("ContainerStop", { subject: "squatter" });
});

test("a start takes no checkpoint", () => {
  passes("ContainerStart", { subject: "mine", query: [["detachKeys", "ctrl-c"]] });
  for (const name of ["checkpoint", "checkpoint-dir"])
    refused(/a checkpoint could be/, "ContainerStart", { subject: "mine", query: [[name, "x"]] });
});

test("no name could be an id, or is a path", () => {
  const ids = ["ab".repeat(6), FULL, "0".repeat(12), "9".repeat(25), "y".repeat(25)];
  const paths = ["../8df7222bb245", "..", ".", "victim/db", "//x", "a b", "x\n", "-x", "ü"];
  const each = (names, because) => {
    for (const name of names) {
      refused(because, "ContainerRename", { subject: "mine", query: [["name", name]] });
      refused(because, "ContainerRename", { subject: "mine", query: [["name", "/" + name]] });
      refused(because, "ContainerCreate", { ...create({})[1], query: [["name", name], ["name", "web"]] });
      for (const operation of ["NetworkCreate", "VolumeCreate"])
        refused(because, operation, { body: { Name: name, Labels: { team: "a" } } });
      const HostConfig = { Links: [`mine:${name}`] };
      refused(because, ...create({ HostConfig }));
      const joining = (config) => ({ NetworkingConfig: { EndpointsConfig: { mine: config } } });
      for (const config of [{ Links: [`mine:${name}`] }, { Aliases: ["web", name] }]) {
        refused(because, ...create(joining(config)));
        refused(because, "NetworkConnect", { subject: "mine", body: { Container: "mine", EndpointConfig: config } });
      }
    }
  };
  each(ids, /could be an id/);
  each(paths, /is no name/);
  for (const name of ["db", "cafe", "ab".repeat(6) + "-web", "d", "Web_1.x"]) {
    passes("ContainerRename", { subject: "mine", query: [["name", name]] });
    passes(...create({ HostConfig: { Links: [`mine:${name}`, "mine"] } }));
  }
  for (const link of ["mine:", "mine:/", "mine:/x", "/mine:/c1/", "/mine:/c1/..", `/mine:/c1/${FULL}`, "mine:a:b"])
    refused(/is no (name|link)|could be an id/, ...create({ HostConfig: { Links: [link] } }));
  passes(...create({ HostConfig: { Links: ["/mine:/c1/db"] } })); // as an inspection shows it
  // Compose 1.x gives a container the start of its own id.
  const own = (Aliases) => ({ subject: "mine", body: { Container: FULL, EndpointConfig: { Aliases } } });
  passes("NetworkConnect", own(["web", FULL.slice(0, 12)]));
  refused(/could be an id/, "NetworkConnect", own([FULL.slice(1, 13)]));
});

test("networks are joined with one's own containers only", () => {
  for (const operation of ["NetworkConnect", "NetworkDisconnect"]) {
    for (const subject of ["mine", "bridge"]) passes(operation, { subject, body: { Container: "mine" } });
    refused(/no network theirs/, operation, { subject: "theirs", body: { Container: "mine" } });
    refused(/no container theirs/, operation, { subject: "mine", body: { Container: "theirs" } });
    refused(/no container/, operation, { subject: "mine" });
  }
  refused(/no network bridge/, "NetworkInspect", { subject: "bridge" }); // it shows whoever is on it
});

test("images are common, and nobody changes what a name of theirs means", () => {
  passes("ImageCreate", { query: [["fromImage", "alpine"], ["tag", "3"]] });
  refused(/only pulled/, "ImageCreate", { query: [["fromSrc", "-"], ["repo", "alpine"]] });
  for (const operation of ["ImageTag", "ImageCommit", "ImageLoad", "ImageBuild", "ImageDelete", "ImagePush", "ImageGetAll"])
    refused(/is not for tenants/, operation);
});

test("an operation that nobody thought of is refused", () => {
  for (const operation of ["", "SystemDataUsage", "SystemInfo", "ServiceList", "PluginPull", "Session", "CheckpointCreate"])
    refused(/is not for tenants/, operation);
});
