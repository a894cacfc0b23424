"""The example policies, as the Python package `docker` meets them. Arguments: the policy, a name for what is made.

The gateway's address is in DOCKER_HOST, containers that others made are in VICTIM and LISTED. Each policy is a function
that fails by raising. Without arguments the names of all are printed.
"""

import os
import sys

import docker

IMAGE = "e2e/busybox:1"
LIMIT = 60  # seconds: a failure bound for every answer
LABELS = {"team": "a"}


def refused(words, call, *arguments, **keywords):
    try:
        call(*arguments, **keywords)
    except docker.errors.APIError as error:
        assert words in error.explanation and "(policy " in error.explanation, error
    else:
        raise AssertionError(f"{words}: it was let through")


def no_shell(client, name):
    assert client.containers.run(IMAGE, "echo hello", remove=True) == b"hello\n"
    container = client.containers.run(IMAGE, ["sh", "-c", "echo seen; sleep 1000"], name=name, detach=True, stdin_open=True)
    try:
        assert next(container.logs(stream=True)) == b"seen\n"
        container.attach_socket(params={"stdout": 1, "stream": 1}).close()
        refused("nobody gets into", container.exec_run, "true")
        refused("nobody gets into", container.put_archive, "/tmp", b"")
        refused("nobody gets into", container.attach_socket, params={"stdin": 1, "stream": 1})
    finally:
        container.remove(force=True)


def image_allowlist(client, _name):
    image = client.images.get(IMAGE)
    for named in [IMAGE, image.id, image]:
        assert client.containers.run(named, "echo hello", remove=True) == b"hello\n"
    refused("is not allowed; allowed are", client.containers.create, "other:1", "true")
    refused("is not allowed; allowed are", client.images.pull, "evil/miner", tag="1")
    refused("would get around", image.tag, "e2e/other", "1")
    try:
        client.images.pull("docker.io/e2e/absent", tag="1")
    except docker.errors.APIError as error:  # there is no registry: the engine says so
        assert "sockgate" not in error.explanation, error


def start_stop_only(client, _name):
    listed, other = [client.containers.get(os.environ[name]) for name in ["LISTED", "VICTIM"]]
    listed.stop(timeout=0)
    listed.start()
    listed.restart(timeout=0)
    assert listed.id in [container.id for container in client.containers.list(ignore_removed=True)]
    for call in [other.stop, other.start, other.restart]:
        refused("is not among the containers", call)
    for call in [listed.kill, listed.pause, listed.remove]:
        refused("nothing else changed", call)
    refused("nothing else changed", listed.exec_run, "true")
    refused("nothing else changed", client.containers.create, IMAGE, "true")


def within_a_box(client, name, labels):
    """What both the policy of tenants and that of new containers let through."""
    assert client.containers.run(IMAGE, "echo hello", remove=True, labels=labels) == b"hello\n"
    network = client.networks.create(f"{name}-net", labels=labels)
    volume = client.volumes.create(f"{name}-data", labels=labels)
    container = client.containers.run(
        IMAGE, ["sh", "-c", "sleep 1000"], name=name, detach=True, labels=labels, hostname="inner", mem_limit="64m",
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 3},
        volumes={volume.name: {"bind": "/data", "mode": "rw"}},
        environment={"A": "b"}, ports={"80/tcp": None}, read_only=True, tmpfs={"/tmp": ""}, init=True, user="0",
        log_config=None, devices=[], cap_add=[], security_opt=[], sysctls={}, healthcheck={"test": ["NONE"]})
    try:
        assert container.exec_run("echo within", workdir="/", environment={"A": "b"}) == (0, b"within\n")
        assert client.api.exec_create(container.id, "true", detach_keys="ctrl-x")["Id"]
        network.connect(container, aliases=["web"], links=[(container.name, "db")])
        network.disconnect(container)
        container.update(cpu_shares=512)
        container.rename(f"{name}-x")
        container.restart(timeout=0)
        linked = client.containers.run(IMAGE, "true", remove=True, labels=labels, links={f"{name}-x": "db"})
        assert linked == b""
        for bad in ["../8df7222bb245", "8df7222bb245", "a/b"]:
            refused("could be an id" if bad == "8df7222bb245" else "name",
                    client.containers.create, IMAGE, "true", labels=labels, links={f"{name}-x": bad})
            refused("could be an id" if bad == "8df7222bb245" else "name", container.rename, bad)
        for wrong in [{"privileged": True}, {"pid_mode": "host"}, {"volumes": ["/etc:/host"]}, {"network_mode": "host"},
                      {"cap_add": ["SYS_ADMIN"]}, {"sysctls": {"net.ipv4.ip_forward": ""}}]:
            refused("", client.containers.create, IMAGE, "true", labels=labels, **wrong)
        refused("Privileged", container.exec_run, "true", privileged=True)
    finally:
        container.remove(force=True)
        network.remove()
        volume.remove()


def restrict_create(client, name):
    within_a_box(client, name, {})
    container = client.containers.create(IMAGE, "true", cap_drop=["ALL"], cap_add=["NET_BIND_SERVICE"])
    container.remove()
    refused("is not of a listed registry", client.containers.create, "evil/miner:1", "true")


def tenant_labels(client, name):
    within_a_box(client, name, LABELS)
    made = client.containers.create(IMAGE, "true", name=name, labels=LABELS)
    assert made.id in [one.id for one in client.containers.list(all=True, filters={"label": "team=a"}, ignore_removed=True)]
    made.remove()
    refused("what you make needs your label", client.containers.create, IMAGE, "true")
    refused("add --filter label=team=a", client.containers.list)
    refused("with label team=a", client.containers.get, os.environ["VICTIM"])


POLICIES = [no_shell, image_allowlist, start_stop_only, restrict_create, tenant_labels]

if len(sys.argv) == 1:
    print(*(policy.__name__ for policy in POLICIES), sep="\n")
else:
    _, wanted, its_name = sys.argv
    [policy] = [policy for policy in POLICIES if policy.__name__ == wanted]
    policy(docker.from_env(timeout=LIMIT), its_name)
    print("done:", wanted)
