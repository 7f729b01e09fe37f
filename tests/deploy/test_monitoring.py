"""Compose, Prometheus, Grafana: they name what there is."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import service.metrics  # noqa: F401, registers what is counted
from service.settings import Settings
from tests.deploy.dockerfile import ROOT, read
from tests.deploy.test_dockerfile import SETTINGS

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/daguerre.json").read_text())
ALERTS = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())


def series() -> dict[str, set[str]]:
    """Every series that /metrics may have, with its labels, `le` of histograms included."""
    from prometheus_client import REGISTRY

    found: dict[str, set[str]] = {}
    for collector in REGISTRY._collector_to_names:
        name, labels = getattr(collector, "_name", ""), set(getattr(collector, "_labelnames", ()))
        if not name.startswith("daguerre_"):
            continue
        kind = getattr(collector, "_type", "")
        if kind == "counter":
            found[f"{name}_total"] = labels
        elif kind == "histogram":
            found |= {f"{name}_sum": labels, f"{name}_count": labels, f"{name}_bucket": labels | {"le"}}
        else:
            found[name] = labels
    return found


SERIES = series()
OF_PROMETHEUS = {"job", "instance", "namespace", "pod"}  # labels that the scrape adds
SELECTOR = re.compile(r"\b(daguerre_\w+|up)\b(?:\{([^}]*)\})?")


def wrong(expression: str) -> list[str]:
    """Series and labels of a PromQL expression that there are not."""
    plain = re.sub(r'"[^"]*"', '""', expression)
    found: list[str] = []
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", plain) for label in group.split(",")}
    named: set[str] = set()
    for name, selected in SELECTOR.findall(plain):
        if name != "up" and name not in SERIES:
            found.append(name)
            continue
        labels = SERIES.get(name, set()) | OF_PROMETHEUS
        named |= labels
        found += [f"{name}{{{label}}}" for label in re.findall(r"(\w+)\s*[=!]", selected) if label not in labels]
    if not named:
        found.append("no series of ours")
    return found + [f"by ({label})" for label in sorted(grouped - named)]


def expressions() -> Iterator[Any]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for rule in ALERTS["groups"][0]["rules"]:
        yield pytest.param(rule["expr"], id=rule["alert"])


def test_the_reader_of_promql_sees_what_is_wrong() -> None:
    """Otherwise the test below could not fail."""
    assert {"daguerre_requests_total", "daguerre_batch_size_bucket", "daguerre_queue_items"} <= SERIES.keys()
    assert wrong('sum(rate(daguerre_requests_total{status="200"}[5m]))') == []
    assert wrong("sum(rate(daguerre_requests[5m]))") == ["daguerre_requests", "no series of ours"]
    assert wrong('rate(daguerre_items_total{status="200"}[5m])') == ["daguerre_items_total{status}"]
    assert wrong("sum by (le, code) (rate(daguerre_items_total[5m]))") == ["by (code)", "by (le)"]


@pytest.mark.parametrize("expression", list(expressions()))
def test_each_expression_names_what_is_counted(expression: str) -> None:
    assert wrong(expression) == []


def test_each_metric_has_a_panel_and_its_row_in_the_docs() -> None:
    shown = json.dumps(DASHBOARD)
    documented = (ROOT / "docs/deployment.md").read_text()
    for name in {re.sub("_(sum|count|bucket)$", "", name) for name in SERIES}:
        assert name in shown, name
        assert f"`{name}`" in documented, name


def test_the_dashboard_is_whole() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(places) == len(set(places))
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in DASHBOARD["panels"])
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"][0]
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["source"]["current"]["value"] == source["uid"]
    used = set(re.findall(r"\$(\w+)", " ".join(str(p.values[0]) for p in expressions())))
    assert used <= {*variables, "__rate_interval"}
    for variable in variables.values():
        assert variable["type"] == "datasource" or not wrong(variable["definition"].replace("$job", ""))


def test_promtool_passes_the_alerts_and_the_configuration() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: it comes with Prometheus")
    folder = DEPLOY / "prometheus"
    for command in (
        ("check", "rules", "alerts.yaml"),
        ("test", "rules", "alerts_test.yaml"),
        ("check", "config", "--syntax-only", "prometheus.yaml"),
    ):
        done = subprocess.run([promtool, *command], cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tested() -> None:
    tested = yaml.safe_load((DEPLOY / "prometheus/alerts_test.yaml").read_text())["tests"]
    firing = {rule["alertname"] for test in tested for rule in test["alert_rule_test"] if rule["exp_alerts"]}
    assert firing == {rule["alert"] for rule in ALERTS["groups"][0]["rules"]}


# compose


def test_compose_builds_what_the_dockerfile_has_and_pins_the_rest() -> None:
    stages = read((ROOT / "Dockerfile").read_text())
    for name, part in COMPOSE["services"].items():
        if "build" in part:
            assert part["build"]["target"] in stages
        else:
            assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", part["image"]), name


@pytest.mark.parametrize("name", ["daguerre", "daguerre-cuda"])
def test_compose_hardens_the_service_and_gives_it_keys_that_are_not_in_the_file(name: str) -> None:
    part = COMPOSE["services"][name]
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert "/tmp" in part["tmpfs"]
    assert part["ports"] == [f"{port}:{port}" for port in (Settings().port, Settings().grpc_address)]
    assert set(part["environment"]) <= SETTINGS
    assert part["environment"]["DAGUERRE_API_KEYS_FILE"] == "/run/secrets/keys"
    assert "keys" in part["secrets"]
    assert "daguerre" in part["networks"]["default"]["aliases"]  # what Prometheus asks for


def test_what_compose_mounts_is_there() -> None:
    names = set(COMPOSE["volumes"])
    for part in COMPOSE["services"].values():
        assert set(part.get("secrets", ())) <= set(COMPOSE["secrets"])
        for volume in part.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in names or (ROOT / source).exists(), source


def test_grafana_reports_and_fetches_nothing() -> None:
    given = COMPOSE["services"]["grafana"]["environment"]
    off = ("ANALYTICS_REPORTING_ENABLED", "ANALYTICS_CHECK_FOR_UPDATES", "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES")
    assert {given[f"GF_{name}"] for name in off} == {"false"}
    assert given["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert "GF_SECURITY_ADMIN_PASSWORD" not in given  # a file's


def test_secrets_are_made_once_and_prometheus_has_one_of_the_keys(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    script = shutil.copy(DEPLOY / "make-secrets", tmp_path)
    subprocess.run(["bash", script], check=True, capture_output=True, timeout=30)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == set(made)
    keys = Settings(api_keys_file=tmp_path / "secrets" / "keys.txt").keys()
    assert len(set(keys)) == 2
    assert made["metrics_key"].encode() in keys
    assert min(len(key) for key in keys) >= 38
    subprocess.run(["bash", script], check=True, capture_output=True, timeout=30)
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}


# systemd


def test_the_unit_is_valid(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    text = (DEPLOY / "systemd/daguerre.service").read_text()
    assert "/opt/daguerre/.venv/bin/python -m service" in text
    unit = tmp_path / "daguerre.service"
    unit.write_text(text.replace("/opt/daguerre/.venv/bin/python", sys.executable))
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["daguerre.service", "gpu.conf"])
def test_each_variable_of_the_unit_is_a_setting(name: str) -> None:
    lines = (DEPLOY / "systemd" / name).read_text().splitlines()
    given = {w.partition("=")[0] for line in lines if line.startswith("Environment=") for w in line[12:].split()}
    assert given
    assert given <= SETTINGS | {"HOME", "HF_HUB_OFFLINE", "PYTHONDONTWRITEBYTECODE"}
