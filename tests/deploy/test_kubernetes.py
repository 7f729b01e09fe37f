"""The Kubernetes manifests: whole, consistent, and in agreement with the code and the image."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.auth import OPEN_PATHS
from service.settings import Settings
from tests.deploy.dockerfile import ROOT, environment, read
from tests.deploy.test_dockerfile import SETTINGS, UID
from tests.deploy.test_monitoring import SERIES

FOLDER = ROOT / "deploy" / "kubernetes"
LAYERS = sorted(path.parent for path in FOLDER.rglob("kustomization.yaml"))
STAGES = read((ROOT / "Dockerfile").read_text())


def documents(path: Path) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all(path.read_text()) if found]


MANIFESTS = {
    str(path.relative_to(FOLDER)): documents(path)
    for layer in LAYERS
    for path in sorted(layer.glob("*.yaml"))
    if path.name != "kustomization.yaml"
}
DEPLOYMENTS = {name: found[0] for name, found in MANIFESTS.items() if found[0]["kind"] == "Deployment"}
WHOLE = [name for name in DEPLOYMENTS if "gpu" not in name]  # the GPU's is a patch


def container(name: str) -> dict[str, Any]:
    (found,) = DEPLOYMENTS[name]["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_each_file_is_listed_and_each_listed_file_is_there(layer: Path) -> None:
    (listed,) = documents(layer / "kustomization.yaml")
    given = [*listed.get("resources", ()), *(patch["path"] for patch in listed.get("patches", ()))]
    for item in (*given, *listed.get("components", ())):
        path = layer / item
        assert path.is_file() or (path / "kustomization.yaml").is_file(), item
    here = {path.name for path in layer.iterdir() if path.is_file()} - {"kustomization.yaml"}
    assert here == {item for item in given if "/" not in item}


@pytest.mark.parametrize("name", MANIFESTS)
def test_each_manifest_is_one_object(name: str) -> None:
    (found,) = MANIFESTS[name]
    assert {"apiVersion", "kind", "metadata"} <= found.keys()
    assert found["kind"].lower() == Path(name).stem
    assert found["metadata"]["name"].startswith("daguerre")


@pytest.mark.parametrize("name", WHOLE)
def test_the_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    pod = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    rules = pod["securityContext"]
    assert rules["runAsNonRoot"] is True
    assert {str(rules[key]) for key in ("runAsUser", "runAsGroup", "fsGroup")} == {UID}
    assert rules["seccompProfile"] == {"type": "RuntimeDefault"}
    own = container(name)["securityContext"]
    assert own["readOnlyRootFilesystem"] is True
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False  # a service called daguerre would set DAGUERRE_PORT for its neighbours


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_mounted_is_where_the_image_writes_and_reads(name: str) -> None:
    pod = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container(name)["volumeMounts"]}
    assert set(mounts) == volumes
    given = environment(STAGES, "cpu")
    assert mounts["home"] == given["DAGUERRE_HOME"]
    assert mounts["tmp"] == given["TMPDIR"]
    keys = next(v["value"] for v in container(name)["env"] if v["name"] == "DAGUERRE_API_KEYS_FILE")
    assert Path(keys).parent == Path(mounts["keys"])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_each_variable_is_a_setting_and_its_value_fits(name: str) -> None:
    given = container(name)["env"]
    assert {variable["name"] for variable in given} <= SETTINGS
    plain = {v["name"].removeprefix("DAGUERRE_").lower(): v["value"] for v in given if "value" in v}
    Settings.model_validate(plain)


@pytest.mark.parametrize("name", WHOLE)
def test_probes_and_ports_are_the_codes(name: str) -> None:
    found = container(name)
    ports = {port["name"]: port["containerPort"] for port in found["ports"]}
    assert ports == {"http": Settings().port, "grpc": Settings().grpc_address}
    probes = {kind: found[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
    assert {probe["port"] for probe in probes.values()} == {"http"}
    paths = {kind: probe["path"] for kind, probe in probes.items()}
    assert paths == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
    assert set(paths.values()) <= OPEN_PATHS  # probes carry no key


def test_all_that_select_find_what_they_mean() -> None:
    labels = {
        found["metadata"]["name"]: found["spec"]["template"]["metadata"]["labels"]
        for name, found in DEPLOYMENTS.items()
        if name in WHOLE
    }
    for found in DEPLOYMENTS.values():
        if "selector" in found["spec"]:
            assert found["spec"]["selector"]["matchLabels"] == found["spec"]["template"]["metadata"]["labels"]
    for (found,) in MANIFESTS.values():
        name, spec = found["metadata"]["name"], found.get("spec", {})
        if found["kind"] == "Service":
            assert spec["selector"] == labels[name]
            ports = {port["name"]: (port["port"], port["targetPort"]) for port in spec["ports"]}
            assert ports == {"http": (Settings().port, "http"), "grpc": (Settings().grpc_address, "grpc")}
        elif found["kind"] == "PodDisruptionBudget":
            assert spec["selector"]["matchLabels"] == labels[name]
        elif found["kind"] == "NetworkPolicy":
            assert all(spec["podSelector"]["matchLabels"].items() <= given.items() for given in labels.values())
        elif found["kind"] == "HorizontalPodAutoscaler":
            assert spec["scaleTargetRef"]["name"] in labels
            assert "replicas" not in DEPLOYMENTS["overlays/replicas/deployment.yaml"]["spec"]


def test_state_has_one_writer_and_the_replicas_have_none_of_it() -> None:
    (base,) = MANIFESTS["base/deployment.yaml"]
    assert base["spec"]["replicas"] == 1
    assert base["spec"]["strategy"] == {"type": "Recreate"}
    claims = {
        name: [v for v in found["spec"]["template"]["spec"]["volumes"] if "persistentVolumeClaim" in v]
        for name, found in DEPLOYMENTS.items()
        if name in WHOLE
    }
    assert claims["overlays/replicas/deployment.yaml"] == []
    (volume,) = claims["base/deployment.yaml"]
    (claim,) = MANIFESTS["base/persistentvolumeclaim.yaml"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_the_replicas_differ_from_the_base_only_where_they_must() -> None:
    one, other = container("base/deployment.yaml"), container("overlays/replicas/deployment.yaml")
    assert one == other


def test_nothing_goes_out() -> None:
    (policy,) = MANIFESTS["base/networkpolicy.yaml"]
    assert "Egress" in policy["spec"]["policyTypes"]
    assert policy["spec"]["egress"] == []


def test_the_autoscaler_asks_for_what_the_adapter_makes_of_what_is_counted() -> None:
    (adapter,) = documents(FOLDER / "prometheus-adapter-values.yaml")
    (rule,) = adapter["rules"]["custom"]
    series = re.match(r"\w+", rule["seriesQuery"])
    assert series
    assert series[0] in SERIES
    assert re.fullmatch(rule["name"]["matches"], series[0])
    (scaler,) = MANIFESTS["overlays/replicas/horizontalpodautoscaler.yaml"]
    (metric,) = scaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    assert int(metric["pods"]["target"]["averageValue"]) < Settings().queue


def images() -> Iterator[Any]:
    for layer in LAYERS:
        (listed,) = documents(layer / "kustomization.yaml")
        for image in listed.get("images", ()):
            yield pytest.param(image, id=str(layer.relative_to(FOLDER)))


@pytest.mark.parametrize("image", list(images()))
def test_images_are_targets_of_the_dockerfile(image: dict[str, str]) -> None:
    assert image["name"] in {container(name).get("image", image["name"]) for name in DEPLOYMENTS}
    assert image["newTag"] in STAGES
