"""The job for KubeRay: what its definition requires, our versions, and a command that there is."""

import re
import shlex
from typing import Any

import click
import yaml

from daguerre.cli import main
from service import __version__
from tests.deploy.dockerfile import ROOT

MANIFEST = ROOT / "deploy" / "ray" / "rayjob.yaml"


def test_the_job_has_what_the_definition_requires_and_runs_a_command_that_there_is() -> None:
    (job,) = yaml.safe_load_all(MANIFEST.read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster: dict[str, Any] = job["spec"]["rayClusterSpec"]
    pinned = re.search(r"^ray==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned
    assert cluster["rayVersion"] == pinned[1]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:  # what helm-chart/kuberay-operator/crds/ray.io_rayjobs.yaml requires, in v1.1 to v1.6
        assert {"rayStartParams", "template"} <= group.keys()
        (container,) = group["template"]["spec"]["containers"]
        assert container["image"] == f"daguerre-ray:{__version__}"
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in group["template"]["spec"]["volumes"]}
    for group in cluster["workerGroupSpecs"]:
        assert {"groupName", "replicas", "minReplicas", "maxReplicas"} <= group.keys()
    program, name, *arguments = shlex.split(job["spec"]["entrypoint"])
    assert program == "daguerre"
    command = main.commands[name]
    assert isinstance(command, click.Command)
    command.make_context(name, arguments)  # raises UsageError for an option that there is not
    assert f"ray[data,default]=={pinned[1]}" in (ROOT / "docs" / "ray.md").read_text()
