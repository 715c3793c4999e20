"""The whole life of an instance by the official Python SDK and by tccli."""

import pytest
from support.clients import Sdk, Tccli
from support.life import whole_life
from support.server import installed_versions

SIGNATURES = ["TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"]


@pytest.mark.parametrize("sign_method", SIGNATURES)
@pytest.mark.parametrize("http_method", ["POST", "GET"])
def test_a_whole_life_by_the_python_sdk(server, version, tmp_path, sign_method, http_method):
    # Three members where the road is the usual one; the other five differ in how a request is written only.
    size = 3 if (sign_method, http_method) == ("TC3-HMAC-SHA256", "POST") else 1
    whole_life(Sdk(server, sign_method, http_method), server, version, size, tmp_path / "credentials")


@pytest.mark.timeout(600)
def test_a_whole_life_by_tccli(server, version, tmp_path):
    whole_life(Tccli(server), server, version, 3, tmp_path / "credentials")


@pytest.mark.e2e
@pytest.mark.parametrize("each", installed_versions())
def test_a_whole_life_with_every_installed_version(server, e2e, each, tmp_path):
    if not e2e:
        pytest.skip("every version: tests/run --e2e")
    whole_life(Sdk(server), server, each, 3, tmp_path / "credentials")
