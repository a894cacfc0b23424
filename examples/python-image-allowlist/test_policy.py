"""The rules, one row each: what is asked for, and what becomes of it. The gateway's side is played by mocks."""

import json
import unittest
from types import SimpleNamespace
from unittest import mock

from componentize_py_types import Err
from wit_world.imports import call, engine
from wit_world.imports.types import Decision_Defer

import policy

SETTINGS = {"allowed": ["docker.io/library/alpine:3.*", "docker.io/library/alpine@*", "docker.io/library/nginx:latest",
                        "registry.example.com:5000/team/*"]}
DIGEST = "sha256:" + "ab" * 32
IMAGES = {
    "ab12": {"RepoTags": ["evil:1", "alpine:3.20"], "RepoDigests": None},
    DIGEST: {"RepoTags": [], "RepoDigests": [f"alpine@{DIGEST}"]},
    "cd34": {"RepoTags": ["<none>:<none>"], "RepoDigests": []},
}
ALLOWED = ["alpine:3.20", "nginx", "nginx:latest", "docker.io/alpine:3.1", "index.docker.io/library/alpine:3.2",
           f"alpine@{DIGEST}", "registry.example.com:5000/team/app", "registry.example.com:5000/team/app/part:1", "ab12", DIGEST]
NOT_ALLOWED = ["alpine", "alpine:latest", "alpine:2", "evil/alpine:3.20", "alpine3.example/library/alpine:3.1",
               "registry.example.com/team/app", "registry.example.com:5000/other/app:1", "cd34", "nginx:",
               "Alpine:3.20",
               "registry.example.com:5000.evil.example/team/app", "registry.example.com:5000/team/../other/app:1",
               "REGISTRY.example.com:5000/team/app", f"evil@{DIGEST}", "alpine:3.1@sha256:12", "alpine:3.1 ",
               " alpine:3.1", "alpine:3.1\n", f"registry.example.com:5000/other/app:3.1@{DIGEST}", "@", ":", "/", "z" * 200]


def inspect(_, reference):
    if reference not in IMAGES:
        raise Err(engine.LookupError_NotFound())
    return json.dumps(IMAGES[reference])


class Policy(unittest.TestCase):
    def setUp(self):
        policy.DecisionPoint().configure(json.dumps(SETTINGS))

    def ask(self, operation, body=None, query=()):
        """None if the policy has nothing against it, or its words."""
        given = call.RequestBody_Empty() if body is None else call.RequestBody_Complete(json.dumps(body))
        request = SimpleNamespace(operation=operation, path="/path", query=list(query))
        with mock.patch.object(call, "body", lambda: given), mock.patch.object(engine, "inspect", inspect):
            decision = policy.DecisionPoint().decide(request)
        return None if isinstance(decision, Decision_Defer) else decision.value.message

    def service(self, **spec):
        return {"TaskTemplate": {"ContainerSpec": spec}}

    def test_containers_and_services_run_images_of_the_list(self):
        for image in ALLOWED:
            with self.subTest(image):
                self.assertIsNone(self.ask("ContainerCreate", {"Image": image}))
                self.assertIsNone(self.ask("ServiceCreate", self.service(Image=image)))
                self.assertIsNone(self.ask("ServiceUpdate", self.service(Image=image)))

    def test_and_no_other(self):
        for image in NOT_ALLOWED:
            with self.subTest(image):
                self.assertIn("is not allowed; allowed are docker.io/", self.ask("ContainerCreate", {"Image": image}))
                self.assertIn("is not allowed", self.ask("ServiceUpdate", self.service(Image=image)))

    def test_an_image_must_be_named(self):
        for body in [None, {}, {"Image": None}, {"Image": ""}, {"image": "alpine:3.20"}]:
            self.assertEqual(self.ask("ContainerCreate", body), "name an image")
        for body in [None, {}, {"TaskTemplate": None}, {"TaskTemplate": {"Runtime": "container"}}]:
            self.assertEqual(self.ask("ServiceCreate", body), "name an image")

    def test_a_service_runs_containers_whatever_stands_beside_its_image(self):
        for operation in ["ServiceCreate", "ServiceUpdate"]:
            for runtime in [None, "", "container"]:
                body = {"TaskTemplate": {"Runtime": runtime, "ContainerSpec": {"Image": "alpine:3.20"}}}
                self.assertIsNone(self.ask(operation, body))
            for task in [{"Runtime": "plugin"}, {"Runtime": "attachment"}, {"Runtime": "Container"}, {"Runtime": "other"},
                         {"PluginSpec": {"remote": "evil"}}, {"NetworkAttachmentSpec": {"ContainerID": "evil"}},
                         {"Runtime": "plugin", "PluginSpec": {"remote": "evil"}}, {"PluginSpec": {}},
                         {"NetworkAttachmentSpec": {}}]:
                with self.subTest(task):
                    body = {"TaskTemplate": {"ContainerSpec": {"Image": "alpine:3.20"}, **task}}
                    self.assertEqual(self.ask(operation, body), "services run containers only")

    def test_a_rollback_is_refused(self):
        body = self.service(Image="alpine:3.20")
        self.assertIn("a rollback runs", self.ask("ServiceUpdate", body, [("version", "1"), ("rollback", "previous")]))
        self.assertIsNone(self.ask("ServiceUpdate", body, [("version", "1"), ("rollback", "")]))

    def test_a_tag_beside_a_digest_does_not_count(self):
        only_tags = {"allowed": ["docker.io/library/alpine:3.*"]}
        policy.DecisionPoint().configure(json.dumps(only_tags))
        self.assertIn("is not allowed", self.ask("ServiceCreate", self.service(Image=f"alpine:3.20@{DIGEST}")))

    def test_an_id_that_cannot_be_looked_up_is_refused(self):
        self.assertIn("cannot look up image beef", self.ask("ContainerCreate", {"Image": "beef"}))

    def test_a_mounted_image_counts_too(self):
        mounts = [{"Type": "volume", "Source": "data"}, {"Type": "image", "Source": "evil"}]
        body = {"Image": "alpine:3.20", "HostConfig": {"Mounts": mounts}}
        self.assertIn("image evil is not allowed", self.ask("ContainerCreate", body))
        self.assertIn("image evil", self.ask("ServiceCreate", self.service(Image="alpine:3.20", Mounts=mounts)))

    def test_pulls(self):
        for query in [
            [("fromImage", "alpine"), ("tag", "3.20")],
            [("fromImage", "alpine:3.20")],
            [("fromImage", "alpine"), ("tag", DIGEST)],
            [("fromImage", "alpine:3.2"), ("fromImage", "evil:1")],
        ]:
            self.assertIsNone(self.ask("ImageCreate", query=query), query)
        for query, because in [
            ([("fromImage", "evil"), ("tag", "3.20")], "is not allowed"),
            ([("fromImage", "evil:1"), ("fromImage", "alpine:3.2")], "is not allowed"),
            ([("fromImage", "alpine")], "one tag"),
            ([("fromImage", "alpine"), ("tag", "")], "one tag"),
            ([("fromImage", "alpine:3.2"), ("tag", "1")], "one tag"),
            ([("fromImage", f"alpine@{DIGEST}"), ("tag", "3.2")], "one tag"),
            ([("fromImage", "nginx:")], "is not allowed"),  # all tags, to the engine
            ([("fromImage", "ab12"), ("tag", "1")], "is not allowed"),
            ([("fromSrc", "-"), ("repo", "alpine"), ("tag", "3.20")], "pulled, not imported"),
            ([("fromImage", ""), ("fromImage", "alpine:3.2"), ("fromSrc", "-")], "pulled, not imported"),
        ]:
            self.assertIn(because, self.ask("ImageCreate", query=query) or "passed", query)

    def test_ways_around_the_list_are_refused(self):
        self.assertIn("SwarmInspect would", self.ask("SwarmInspect"))  # it shows the join tokens
        for operation in policy.REFUSED + [""]:
            self.assertIn("around the list", self.ask(operation))
        for operation in ["ContainerStart", "ImageDelete", "ImageList", "SystemPing"]:
            self.assertIsNone(self.ask(operation))

    def test_settings_that_cannot_mean_anything_are_refused(self):
        for settings in ["", "[]", "{}", '{"allowed": 1}', '{"allowed": ["*"]}', '{"allowed": ["alpine:*"]}',
                         '{"allowed": ["docker.io/library/alpine"]}', '{"allowed": ["registry.*/team/*"]}']:
            with self.subTest(settings), self.assertRaises(Err):
                policy.DecisionPoint().configure(settings)
