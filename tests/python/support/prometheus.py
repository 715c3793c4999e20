"""A real Prometheus: where its programs are, and asking it."""

import base64
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from .server import ROOT


def found():
    """The folder with prometheus and promtool, and why there is none."""
    done = subprocess.run([str(ROOT / "scripts/prometheus")], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        return None, done.stderr.strip()
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), ""


def programs():
    """The folder; skips where there is none."""
    folder, why = found()
    return folder or pytest.skip(why)


def fetch(url, user=None, token=None, data=None):
    """Status and text of an HTTP request."""
    request = urllib.request.Request(url, data=data)
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(":".join(user).encode()).decode())
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError as gone:
        return 0, str(gone)


class Prom:
    """One Prometheus instance, as its user."""

    def __init__(self, api, prometheus):
        self.api, self.id = api, prometheus
        access = api.extension("DescribeEtcdPrometheusAccess", {"PrometheusId": prometheus})
        self.url, self.user = access["Url"], (access["User"], access["Password"])

    def query(self, expression):
        """The instant vector that `expression` is now, as (labels, value)."""
        status, text = fetch(f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": expression}), self.user)
        if status != 200:
            return []
        data = json.loads(text)["data"]
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def value(self, expression):
        found = self.query(expression)
        return found[0][1] if len(found) == 1 else None

    def described(self):
        """As the API shows it; None where it does not."""
        return described(self.api, self.id)


def described(api, prometheus):
    found = api.extension("DescribeEtcdPrometheus", {"PrometheusIds": [prometheus]})["Prometheus"]
    return found[0] if found else None


COMPARISON = re.compile(r"^(.*)\s(?:==|!=|>=|<=|>|<)\s*-?[0-9.]+(?:e[+-]?[0-9]+)?\s*$", re.DOTALL)


def rule_expressions(prom):
    """(name, expression) of every rule that it has loaded; of an alert, without the comparison at its end."""
    status, text = fetch(f"{prom.url}/api/v1/rules", prom.user)
    assert status == 200, text
    for group in json.loads(text)["data"]["groups"]:
        for rule in group["rules"]:
            expression = rule["query"]
            if rule["type"] == "alerting":
                found = COMPARISON.match(expression)
                assert found, f"{rule['name']} does not end in a comparison with a number: {expression}"
                expression = found[1]
            yield f"{group['name']}: {rule['name']}", expression


def dashboard_expressions(folder, instance):
    """(panel, expression) of every dashboard, for one instance."""
    for path in sorted(folder.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"].replace("$instance", instance)
