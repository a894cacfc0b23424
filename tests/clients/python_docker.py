"""Scenarios of the Python package `docker`. Arguments: the scenario, a name for what it makes in the engine.

The engine's address is in DOCKER_HOST. Each scenario is a function that fails by raising. Without arguments the names
of all scenarios are printed, so that the tests can tell whether they run every one.
"""

import hashlib
import io
import os
import socket
import sys
import tarfile

import docker
from docker.types import EndpointConfig
from docker.utils.socket import demux_adaptor, frames_iter

IMAGE = "e2e/busybox:1"
INIT = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"
LIMIT = 60  # seconds: a failure bound for every answer, and between the pieces of a stream


def ps_inspect_rename_and_remove(client, name):
    made = client.containers.create(IMAGE, "true", name=name, labels={"team": "blue"})
    [listed] = client.containers.list(all=True, filters={"name": f"^{name}$"})
    assert listed.id == made.id and listed.status == "created", listed.attrs
    assert client.containers.get(name).labels == {"team": "blue"}
    made.rename(f"{name}-renamed")
    assert client.containers.get(f"{name}-renamed").id == made.id
    made.remove()
    try:
        client.containers.get(made.id)
    except docker.errors.NotFound as error:
        assert "No such container" in error.explanation, error
    else:
        raise AssertionError("the container is still there")


def attach_carries_stdin_to_its_end(client, name):
    container = client.containers.create(IMAGE, ["sh", "-c", "cat; echo after the end"], name=name, stdin_open=True)
    stream = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    raw = getattr(stream, "_sock", stream)
    sent = os.urandom(1 << 20)
    raw.sendall(sent)
    raw.shutdown(socket.SHUT_WR)  # only the engine's side is still open now
    received = b"".join(piece for _, piece in frames_iter(stream, tty=False))
    assert received == sent + b"after the end\n", len(received)
    stream.close()
    container.remove()


def run_returns_output_and_exit_code(client, _name):
    assert client.containers.run(IMAGE, "echo hello", remove=True) == b"hello\n"
    try:
        client.containers.run(IMAGE, ["sh", "-c", "echo bad >&2; exit 3"], remove=True, stderr=True)
    except docker.errors.ContainerError as error:
        assert error.exit_status == 3 and b"bad" in error.stderr, error
    else:
        raise AssertionError("exit 3 counts as success")


def exec_with_and_without_a_terminal(client, name):
    container = client.containers.run(IMAGE, "sleep 1000", name=name, detach=True)
    code, (out, err) = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 5"], demux=True)
    assert (code, out, err) == (5, b"out\n", b"err\n"), (code, out, err)

    made = client.api.exec_create(container.id, ["sh", "-c", "cat; exit 6"], stdin=True)
    stream = client.api.exec_start(made["Id"], socket=True)
    raw = getattr(stream, "_sock", stream)
    raw.sendall(b"to the end")
    raw.shutdown(socket.SHUT_WR)
    assert [demux_adaptor(*frame) for frame in frames_iter(stream, tty=False)] == [(b"to the end", None)]
    assert client.api.exec_inspect(made["Id"])["ExitCode"] == 6

    made = client.api.exec_create(container.id, ["sh", "-c", "trap 'stty size; exit' WINCH; echo begin; while :; do read -r _; done"],
                                  stdin=True, tty=True)
    stream = client.api.exec_start(made["Id"], tty=True, socket=True)
    pieces = frames_iter(stream, tty=True)
    assert next(pieces)[1].startswith(b"begin")
    client.api.exec_resize(made["Id"], height=41, width=121)
    assert b"41 121" in b"".join(piece for _, piece in pieces)
    container.remove(force=True)


def logs_follow_until_the_container_ends(client, name):
    container = client.containers.run(IMAGE, ["sh", "-c", INIT], name=name, detach=True)
    lines = container.logs(stream=True, follow=True, stdout=True)
    assert next(lines) == b"ready\n"  # while the container runs
    container.kill("TERM")
    assert list(lines) == []
    assert container.wait()["StatusCode"] == 9
    container.remove()


def events_arrive_while_they_happen(client, name):
    events = client.events(decode=True, since=0, filters={"container": name})
    container = client.containers.create(IMAGE, "true", name=name)
    assert next(events)["Action"] == "create"
    container.start()
    assert [next(events)["Action"] for _ in range(2)] == ["start", "die"]
    container.remove()
    assert next(events)["Action"] == "destroy"
    events.close()


def stats_are_told_once_and_again(client, name):
    container = client.containers.run(IMAGE, "sleep 1000", name=name, detach=True)
    assert container.stats(stream=False)["name"] == f"/{name}"
    samples = container.stats(stream=True, decode=True)
    first, second = next(samples), next(samples)
    assert first["read"] < second["read"], (first, second)
    samples.close()
    container.remove(force=True)


def archives_go_in_and_out(client, name):
    container = client.containers.create(IMAGE, "true", name=name)
    sent = os.urandom(3 << 20)
    assert container.put_archive("/tmp", tar_of("a b", sent))
    pieces, status = container.get_archive("/tmp/a b")
    assert status["name"] == "a b" and status["size"] == len(sent), status
    archive = tarfile.open(fileobj=io.BytesIO(b"".join(pieces)))
    assert archive.extractfile("a b").read() == sent
    exported = tarfile.open(fileobj=io.BytesIO(b"".join(container.export())))
    assert exported.extractfile("tmp/a b").read() == sent
    container.remove()


def a_large_image_survives_import_save_and_load(client, name):
    content = os.urandom(100 << 20)
    client.api.import_image_from_data(tar_of("blob", content), repository=name, tag="1")
    image = client.images.get(f"{name}:1")
    saved = b"".join(image.save(named=True))
    client.images.remove(f"{name}:1")
    [loaded] = client.images.load(saved)
    assert loaded.id == image.id and loaded.tags == [f"{name}:1"], loaded
    container = client.containers.create(f"{name}:1", "none", name=name)
    pieces, _ = container.get_archive("/blob")
    archive = tarfile.open(fileobj=io.BytesIO(b"".join(pieces)))
    back = hashlib.file_digest(archive.extractfile("blob"), "sha256").hexdigest()
    assert back == hashlib.sha256(content).hexdigest()
    container.remove()
    client.images.remove(f"{name}:1")


def a_build_tells_its_steps(client, name):
    dockerfile = f"FROM {IMAGE}\nRUN echo a step ran | tr a-z A-Z\nRUN echo built >/made\n".encode()
    image, told = client.images.build(fileobj=io.BytesIO(dockerfile), tag=name, rm=True)
    assert any("A STEP RAN" in line.get("stream", "") for line in told)
    assert client.containers.run(image.id, "cat /made", remove=True) == b"built\n"
    assert image.tag(f"localhost:5000/{name}/sub", "v1")
    assert image.history()[0]["Id"] == image.id
    client.images.remove(f"localhost:5000/{name}/sub:v1")
    client.images.remove(name)


def networks_and_volumes_come_and_go(client, name):
    network = client.networks.create(name, labels={"owner": name})
    volume = client.volumes.create(name, labels={"owner": name})
    container = client.containers.create(IMAGE, "true", volumes={name: {"bind": "/data", "mode": "rw"}})
    network.connect(container, aliases=["other"])
    assert name in client.containers.get(container.id).attrs["NetworkSettings"]["Networks"]
    network.disconnect(container)
    container.remove()
    assert client.networks.prune({"label": f"owner={name}"})["NetworksDeleted"] == [name]
    assert client.volumes.list(filters={"label": f"owner={name}"}) == [volume]
    volume.remove()
    assert client.containers.prune({"label": f"owner={name}"})["ContainersDeleted"] is None


def the_engine_tells_about_itself(client, _name):
    assert client.ping()
    told = client.version()
    assert told["Version"] == os.environ["ENGINE_VERSION"], told
    assert told["ApiVersion"] == os.environ["ENGINE_API_VERSION"], told
    assert client.info()["ServerVersion"] == told["Version"]
    assert "LayersSize" in client.df()


def a_swarm_service_runs_and_logs(client, name):
    client.swarm.init(advertise_addr="127.0.0.1")
    service = client.services.create(IMAGE, ["sh", "-c", "echo started; exec sleep 1000"], name=name)
    lines = service.logs(follow=True, stdout=True)
    assert next(lines) == b"started\n"
    assert [task["ServiceID"] for task in service.tasks()] == [service.id]
    service.remove()
    client.swarm.leave(force=True)


def a_refusal_is_an_error_that_names_the_flag(client, name):
    """Behind a gateway with CONTAINERS=1 alone."""
    for status, flag, attempt in [
        (405, "POST=1", lambda: client.containers.run(IMAGE, "true", name=name, detach=True)),
        (405, "POST=1", lambda: client.api.exec_create("victim", "true")),
        (405, "DELETE=1", lambda: client.api.remove_container("victim", force=True)),
        (405, "PUT=1", lambda: client.api.put_archive("victim", "/", tar_of("stolen", bytes(10 << 20)))),
        (403, "IMAGES=1", client.images.list),
        (403, "INFO=1", client.info),
    ]:
        try:
            attempt()
        except docker.errors.APIError as error:
            assert error.status_code == status and flag in error.explanation, error
        else:
            raise AssertionError(f"{flag} was not needed")
    assert [container.name for container in client.containers.list()] == ["victim"]


def tar_of(name, content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def main():
    scenarios = {
        function.__name__: function
        for function in list(globals().values())
        if getattr(function, "__code__", None) and function.__code__.co_argcount and function.__code__.co_varnames[0] == "client"
    }
    if len(sys.argv) == 1:
        print("\n".join(scenarios))
        return
    scenario, name = sys.argv[1:]
    scenarios[scenario](docker.from_env(timeout=LIMIT), name)
    print(f"done: {scenario}")


main()
