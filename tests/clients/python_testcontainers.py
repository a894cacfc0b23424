"""Scenarios of the Python package `testcontainers`. Arguments: the scenario, a name for what it makes in the engine.

As in python_docker.py. Its reaper (ryuk) is off: there is no registry that its image could come from, and it wants the
engine's socket in a container. A published port is not reached from here, as the engine has a network of its own.
"""

import os
import sys

os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"  # is read when the package is loaded

import docker
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

IMAGE = "e2e/busybox:1"
SERVE = ["sh", "-c", "echo served >/tmp/index.html; httpd -p 80 -h /tmp; echo ready; exec sleep 1000"]


def a_container_serves_while_a_test_needs_it(name):
    container = DockerContainer(IMAGE, name=name, ports=[80]).with_command(SERVE).with_env("A", "b c")
    container.with_copy_into_container(b"copied", "/tmp/copied")
    with container.waiting_for(LogMessageWaitStrategy("ready")):
        made = container.get_wrapped_container()
        made.reload()
        assert made.status == "running" and made.labels["org.testcontainers.lang"] == "python", made.attrs
        assert 0 < int(container.get_exposed_port(80)) < 65536
        assert container.exec(["sh", "-c", 'wget -qO- http://localhost/; echo "$A"; cat /tmp/copied']) == (0, b"served\nb c\ncopied")
        assert container.exec(["sh", "-c", "exit 3"]).exit_code == 3
        out, err = container.get_logs()
        assert (out, err) == (b"ready\n", b""), (out, err)
    assert gone(name)


def containers_of_a_network_find_each_other(name):
    with Network() as network:
        server = DockerContainer(IMAGE, name=name).with_command(SERVE)
        server = server.with_network(network).with_network_aliases("web")
        with server.waiting_for(LogMessageWaitStrategy("ready")):
            fetch = ["sh", "-c", "wget -qO- http://web/; exec sleep 1000"]
            visitor = DockerContainer(IMAGE, name=f"{name}-visitor").with_command(fetch).with_network(network)
            with visitor.waiting_for(LogMessageWaitStrategy("served")):
                assert [found.name for found in docker.from_env().networks.list(names=[network.name])] == [network.name]
    assert docker.from_env().networks.list(names=[network.name]) == []


def a_refusal_names_the_flag(name):
    """Behind a gateway with CONTAINERS=1 alone."""
    try:
        DockerContainer(IMAGE, name=name).with_command("true").start()
    except docker.errors.APIError as error:
        # It looks for the image first, before it makes anything.
        assert error.status_code == 403 and "IMAGES=1" in error.explanation, error
    else:
        raise AssertionError("IMAGES=1 was not needed")
    try:
        Network().create()
    except docker.errors.APIError as error:
        assert error.status_code == 405 and "POST=1 NETWORKS=1" in error.explanation, error
    else:
        raise AssertionError("POST=1 was not needed")


def gone(name):
    return docker.from_env().containers.list(all=True, filters={"name": f"^{name}$"}) == []


def main():
    scenarios = {
        function.__name__: function
        for function in (
            a_container_serves_while_a_test_needs_it,
            containers_of_a_network_find_each_other,
            a_refusal_names_the_flag,
        )
    }
    if len(sys.argv) == 1:
        print("\n".join(scenarios))
        return
    scenario, name = sys.argv[1:]
    scenarios[scenario](name)
    print(f"done: {scenario}")


main()
