"""A table of bad requests: each gets its own code, changes nothing, and is never an InternalError."""

import copy
import json
import time
import uuid

import pytest
from support.clients import Sdk
from support.life import creation, wait_until_running
from support.raw import REGION
from support.server import version_to_test

ELSEWHERE = "ap-shanghai"
UNKNOWN = "etcd-00000000"
INSTANCE = "<the instance>"  # stands for the ID of the instance that the fixture made


@pytest.fixture(scope="module")
def instance(patient_server):
    """A running instance of one member: what nothing in this file may change."""
    api = Sdk(patient_server)
    made = api.call("CreateEtcdInstance", creation(version_to_test(), 1, "steady"))["InstanceId"]
    wait_until_running(api, made)
    return made


@pytest.fixture
def raw(patient_server, instance):
    """Requests by hand; afterwards the lists of both regions are what they were."""
    client = patient_server.raw()
    before = _lists(client)
    assert [etcd["InstanceId"] for etcd in before[0]] == [instance] and not before[1]
    yield client
    assert _lists(client) == before, "a refused request changed something"
    client.close()


def _lists(client):
    return [client.call("DescribeEtcdInstances", region=region).response["Etcds"] or [] for region in (REGION, ELSEWHERE)]


def expect(answer, codes, text=""):
    """`codes`: the code, or a tuple where the document leaves a choice."""
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    uuid.UUID(answer.response["RequestId"])
    assert answer.code in ((codes,) if isinstance(codes, str) else codes), answer.error
    assert answer.message and text in answer.message




def spoiled(base, path, value):
    body = copy.deepcopy(base)
    place = body
    *parents, last = path.split(".")
    for parent in parents:
        place = place.setdefault(parent, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return body


TYPE, VALUE = "InvalidParameter", "InvalidParameterValue"
CREATIONS = {
    "no name": ("Name", ..., "MissingParameter", "`Name`"),
    "no version": ("EtcdVersion", ..., "MissingParameter", "`EtcdVersion`"),
    "no size": ("Size", ..., "MissingParameter", "`Size`"),
    "no subnets": ("SubnetIds", ..., "MissingParameter", "`SubnetIds`"),
    "a name that is a number": ("Name", 7, TYPE, "`Name`"),
    "a name that is a list": ("Name", ["a"], TYPE, "`Name`"),
    "an empty name": ("Name", "", VALUE, "`Name`"),
    "a name of 61 characters": ("Name", "n" * 61, VALUE, "`Name`"),
    "a name of 61 Chinese characters": ("Name", "名" * 61, VALUE, "`Name`"),
    "a newline in the name": ("Name", "a\nb", VALUE, "`Name`"),
    "a NUL in the name": ("Name", "a\0b", VALUE, "`Name`"),
    "an escape in the name": ("Name", "a\x1b[2Jb", VALUE, "`Name`"),
    "a description of 257 characters": ("Description", "d" * 257, VALUE, "`Description`"),
    "a NUL in the description": ("Description", "a\0b", VALUE, "`Description`"),
    "a size of words": ("Size", "three", TYPE, "`Size`"),
    "half a member": ("Size", 2.5, TYPE, "`Size`"),
    "a size that is true": ("Size", True, TYPE, "`Size`"),
    "a size below zero": ("Size", -1, (TYPE, VALUE), "`Size`"),
    "a size past 64 bits": ("Size", 2**64, (TYPE, VALUE), "`Size`"),
    "no members": ("Size", 0, VALUE, "`Size`"),
    "an even size": ("Size", 2, VALUE, "`Size`"),
    "eleven members": ("Size", 11, VALUE, "`Size`"),
    "subnets that are a text": ("SubnetIds", "subnet-abcd1234", TYPE, "`SubnetIds`"),
    "a subnet that is a number": ("SubnetIds", [1], TYPE, "`SubnetIds.0`"),
    "an empty list of subnets": ("SubnetIds", [], (VALUE, "MissingParameter"), "`SubnetIds`"),
    "ten subnets": ("SubnetIds", ["subnet-abcd1234"] * 10, VALUE, "`SubnetIds`"),
    "an unknown field": ("Colour", "red", "UnknownParameter", "`Colour`"),
    "an unknown nested field": ("AdvancedSettings.Colour", "red", "UnknownParameter", "Colour"),
    "settings that are a text": ("AdvancedSettings", "none", TYPE, "`AdvancedSettings`"),
    "https that is a word": ("AdvancedSettings.SecuritySettings", {"Https": "perhaps"}, TYPE, "Https"),
    "an unknown compaction": ("AdvancedSettings.AutoCompactionSettings", {"AutoCompactionMode": "never", "AutoCompactionRetention": "1h"}, VALUE, "AutoCompactionMode"),
    "compaction without its retention": ("AdvancedSettings.AutoCompactionSettings", {"AutoCompactionMode": "periodic"}, "MissingParameter", "AutoCompactionRetention"),
    "a retention of words": ("AdvancedSettings.AutoCompactionSettings", {"AutoCompactionMode": "periodic", "AutoCompactionRetention": "long"}, VALUE, "AutoCompactionRetention"),
    "an address that is none": ("AdvancedSettings.CustomIPs", "300.1.1.1", VALUE, "CustomIPs"),
    "a domain that is none": ("AdvancedSettings.CustomDomains", "a b,-c", VALUE, "CustomDomains"),
    "a backup every zero seconds": ("AdvancedSettings.BackupSettings", {"BackupInterval": 0, "MaxBackupCount": 1}, VALUE, "BackupInterval"),
    "a backup interval of words": ("AdvancedSettings.BackupSettings", {"BackupInterval": "daily", "MaxBackupCount": 1}, TYPE, "BackupInterval"),
    "an unknown charge type": ("ChargeType", "FREE", VALUE, "`ChargeType`"),
    "a prepaid period of no months": ("ChargePrepaid", {"Period": 0, "RenewFlag": "NOTIFY_AND_MANUAL_RENEW"}, VALUE, "Period"),
    "no disk": ("DiskSize", 0, VALUE, "`DiskSize`"),
    "a disk below zero": ("DiskSize", -5, (TYPE, VALUE), "`DiskSize`"),
    "protection that is a word": ("DeletionProtection", "maybe", TYPE, "`DeletionProtection`"),
    "an unknown VPC": ("VpcId", "vpc-00000000", "ResourceNotFound", "vpc-00000000"),
    "an unknown service subnet": ("ServiceSubnetId", "subnet-00000000", "ResourceNotFound", "subnet-00000000"),
    "an unknown member subnet": ("SubnetIds", ["subnet-abcd1234", "subnet-00000000"], "ResourceNotFound", "subnet-00000000"),
    "a service subnet of another VPC": ("ServiceSubnetId", "subnet-other123", "ResourceNotFound", "subnet-other123"),
    "a member subnet of another VPC": ("SubnetIds", ["subnet-other123"], "ResourceNotFound", "subnet-other123"),
    "a version that corrupts data": ("EtcdVersion", "v3.5.0", "InvalidParameter.Param", "v3.5.0"),
    "a version that does not exist": ("EtcdVersion", "v9.9.9", "InvalidParameter.Param", "v9.9.9"),
    "a version that is a path": ("EtcdVersion", "v3.5.16/../../bin", "InvalidParameter.Param", ""),
    "the same subnet twice": ("SubnetIds", ["subnet-abcd1234", "subnet-abcd1234"], "InvalidParameter.Param", "subnet-abcd1234"),
    "client certificates without https": ("AdvancedSettings.SecuritySettings", {"Https": False, "ClientCertAuth": True}, "InvalidParameter.Param", "ClientCertAuth"),
    "revisions counted in hours": ("AdvancedSettings.AutoCompactionSettings", {"AutoCompactionMode": "revision", "AutoCompactionRetention": "5h"}, "InvalidParameter.Param", "AutoCompactionRetention"),
    "prepaid without its period": ("ChargeType", "PREPAID", "MissingParameter", "ChargePrepaid"),
    "a Prometheus to be made": ("AdvancedSettings.MonitorSettings", {"PrometheusCreationParam": {"SubnetId": "subnet-abcd1234", "DataRetention": 10, "GrafanaUserName": "admin", "GrafanaPassword": "admin"}}, "UnsupportedOperation", "Prometheus"),
    "a version that is a word": ("EtcdVersion", "latest", "InvalidParameter.Param", "latest"),
}


@pytest.mark.parametrize("case", CREATIONS)
def test_a_bad_creation_is_refused(raw, version, case):
    path, value, codes, text = CREATIONS[case]
    expect(raw.call("CreateEtcdInstance", spoiled(creation(version, 1), path, value)), codes, text)


def _filter(name, *values):
    return {"Filters": [{"Name": name, "Values": list(values)}]}


OTHERS = {
    "IDs and filters": ("DescribeEtcdInstances", {"InstanceIds": [UNKNOWN], **_filter("vpc-id", "vpc-abcd1234")}, TYPE),
    "a limit of 51": ("DescribeEtcdInstances", {"Limit": 51}, VALUE),
    "a limit below zero": ("DescribeEtcdInstances", {"Limit": -1}, (TYPE, VALUE)),
    "a limit of words": ("DescribeEtcdInstances", {"Limit": "all"}, TYPE),
    "an offset of words": ("DescribeEtcdInstances", {"Offset": "start"}, TYPE),
    "IDs that are a text": ("DescribeEtcdInstances", {"InstanceIds": UNKNOWN}, TYPE),
    "101 IDs": ("DescribeEtcdInstances", {"InstanceIds": [UNKNOWN] * 101}, VALUE),
    "an unknown filter": ("DescribeEtcdInstances", _filter("colour", "red"), (VALUE, TYPE)),
    "a filter without values": ("DescribeEtcdInstances", {"Filters": [{"Name": "vpc-id"}]}, "MissingParameter"),
    "a filter of no values": ("DescribeEtcdInstances", _filter("vpc-id"), (VALUE, "MissingParameter")),
    "an unknown filter of tasks": ("DescribeEtcdTasks", _filter("colour", "red"), (VALUE, TYPE)),
    "filters that are a text": ("DescribeEtcdTasks", {"Filters": "lifeState"}, TYPE),
    "no instance": ("DescribeEtcdCredentials", {}, "MissingParameter"),
    "an instance that is a number": ("DescribeEtcdCredentials", {"InstanceId": 7}, TYPE),
    "credentials of an unknown instance": ("DescribeEtcdCredentials", {"InstanceId": UNKNOWN}, "ResourceNotFound"),
    "credentials of a path": ("DescribeEtcdCredentials", {"InstanceId": "../../etc/passwd"}, ("ResourceNotFound", VALUE)),
    "progress of an unknown instance": ("DescribeEtcdCreatingProgress", {"InstanceId": UNKNOWN}, "ResourceNotFound"),
    "deletion of an unknown instance": ("DeleteEtcdInstance", {"InstanceId": UNKNOWN}, "ResourceNotFound"),
    "protection of an unknown instance": ("EnableEtcdInstanceDeletionProtection", {"InstanceId": UNKNOWN}, "ResourceNotFound"),
    "no protection of an unknown instance": ("DisableEtcdInstanceDeletionProtection", {"InstanceId": UNKNOWN}, "ResourceNotFound"),
    "a new name for an unknown instance": ("ModifyEtcdAttribute", {"InstanceId": UNKNOWN, "Name": "n"}, "ResourceNotFound"),
    "methods of an unknown instance": ("DescribeRPCMethodList", {"InstanceId": UNKNOWN, "PodName": f"{UNKNOWN}-etcd-0"}, "ResourceNotFound"),
    "methods of an unknown member": ("DescribeRPCMethodList", {"InstanceId": INSTANCE, "PodName": f"{INSTANCE}-etcd-9"}, "ResourceNotFound"),
    "methods of another's member": ("DescribeRPCMethodList", {"InstanceId": INSTANCE, "PodName": f"{UNKNOWN}-etcd-0"}, "ResourceNotFound"),
    "101 methods": ("DescribeRPCMethodList", {"InstanceId": INSTANCE, "PodName": f"{INSTANCE}-etcd-0", "Limit": 101}, VALUE),
    "a new name of 61 characters": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "Name": "n" * 61}, VALUE),
    "a tab in a new name": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "Name": "a\tb"}, VALUE),
    "an unknown attribute": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "Colour": "red"}, "UnknownParameter"),
    "a new subnet that is unknown": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "Name": "n", "SubnetIds": ["subnet-00000000"]}, "ResourceNotFound"),
    "a new subnet of another VPC": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "SubnetIds": ["subnet-other123"]}, "ResourceNotFound"),
    "the same new subnet twice": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "SubnetIds": ["subnet-abcd2345", "subnet-abcd2345"]}, "InvalidParameter.Param"),
    "new subnets that are a text": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "SubnetIds": "subnet-abcd2345"}, TYPE),
    "a resize without a size": ("ResizeEtcdInstance", {"InstanceId": INSTANCE}, "MissingParameter"),
    "a resize to nothing": ("ResizeEtcdInstance", {"InstanceId": INSTANCE, "Size": 0}, VALUE),
    "a resize to an even size": ("ResizeEtcdInstance", {"InstanceId": INSTANCE, "Size": 4}, VALUE),
    "a resize to eleven": ("ResizeEtcdInstance", {"InstanceId": INSTANCE, "Size": 11}, VALUE),
    "a resize below zero": ("ResizeEtcdInstance", {"InstanceId": INSTANCE, "Size": -3}, (TYPE, VALUE)),
    "a resize to words": ("ResizeEtcdInstance", {"InstanceId": INSTANCE, "Size": "three"}, TYPE),
    "a resize of an unknown instance": ("ResizeEtcdInstance", {"InstanceId": UNKNOWN, "Size": 3}, "ResourceNotFound"),
    "an upgrade to no version": ("UpgradeEtcdInstance", {"InstanceId": INSTANCE}, "MissingParameter"),
    "an upgrade to a version that corrupts data": ("UpgradeEtcdInstance", {"InstanceId": INSTANCE, "EtcdVersion": "v3.5.0"}, "InvalidParameter.Param"),
    "an upgrade to a version that does not exist": ("UpgradeEtcdInstance", {"InstanceId": INSTANCE, "EtcdVersion": "v9.9.9"}, "InvalidParameter.Param"),
    "an upgrade to a path": ("UpgradeEtcdInstance", {"InstanceId": INSTANCE, "EtcdVersion": "v3.5.16/../../bin"}, "InvalidParameter.Param"),
    "an upgrade of an unknown instance": ("UpgradeEtcdInstance", {"InstanceId": UNKNOWN, "EtcdVersion": "v3.5.16"}, "ResourceNotFound"),
    "a configuration of an unknown instance": ("ModifyEtcdConfiguration", {"InstanceId": UNKNOWN, "ChargeType": "POSTPAID_BY_HOUR"}, "ResourceNotFound"),
    "a new unknown compaction": ("ModifyEtcdConfiguration", {"InstanceId": INSTANCE, "AutoCompactionSettings": {"AutoCompactionMode": "never", "AutoCompactionRetention": "1h"}}, VALUE),
    "new compaction without its retention": ("ModifyEtcdConfiguration", {"InstanceId": INSTANCE, "AutoCompactionSettings": {"AutoCompactionMode": "periodic"}}, "MissingParameter"),
    "an unknown Prometheus": ("ModifyEtcdConfiguration", {"InstanceId": INSTANCE, "MonitorSettings": {"ExistedPrometheusInstanceId": "prom-00000000"}}, "ResourceUnavailable.PrometheusStatusError"),
    "a configuration of an even size": ("ModifyEtcdConfiguration", {"InstanceId": INSTANCE, "InstanceConfig": {"Cpu": 1, "Mem": 1, "Size": 2}}, VALUE),
    "a configuration without a processor": ("ModifyEtcdConfiguration", {"InstanceId": INSTANCE, "InstanceConfig": {"Cpu": 0, "Mem": 1, "Size": 1}}, VALUE),
    "a configuration without its memory": ("ModifyEtcdConfiguration", {"InstanceId": INSTANCE, "InstanceConfig": {"Cpu": 1, "Size": 1}}, "MissingParameter"),
    "newly prepaid without its period": ("ModifyEtcdConfiguration", {"InstanceId": INSTANCE, "ChargeType": "PREPAID"}, "MissingParameter"),
    "an unknown new charge type": ("ModifyEtcdConfiguration", {"InstanceId": INSTANCE, "ChargeType": "FREE"}, VALUE),
    "an empty password": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "Password": ""}, VALUE),
    "a password longer than etcd hashes": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "Password": "p" * 73}, VALUE),
    "a password of more bytes than etcd hashes": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "Password": "密" * 25}, VALUE),
    "a password with a line break": ("ModifyEtcdAttribute", {"InstanceId": INSTANCE, "Password": "one\ntwo"}, VALUE),
    "an unknown action": ("DestroyEverything", {}, "InvalidAction"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_bad_request_is_refused(raw, instance, case):
    action, params, codes = OTHERS[case]
    expect(raw.call(action, json.loads(json.dumps(params).replace(INSTANCE, instance))), codes)


# Refused whole, so the new name is not taken either.
def test_auth_is_not_turned_on_without_a_password(raw, instance):
    expect(raw.call("ModifyEtcdAttribute", {"InstanceId": instance, "Name": "renamed", "EnableAuth": True}), "OperationDenied", "Password")


@pytest.mark.parametrize("action", [
    "DescribeEtcdCredentials", "DescribeEtcdCreatingProgress", "EnableEtcdInstanceDeletionProtection", "DeleteEtcdInstance"])
def test_an_instance_is_not_found_in_another_region(raw, instance, action):
    expect(raw.call(action, {"InstanceId": instance}, region=ELSEWHERE), "ResourceNotFound")


def test_an_instance_is_not_listed_in_another_region(raw, instance):
    answer = raw.call("DescribeEtcdInstances", {"InstanceIds": [instance]}, region=ELSEWHERE)
    assert answer.code is None and answer.response["TotalCount"] == 0


def test_an_offset_past_the_end_is_an_empty_page(raw, instance):
    answer = raw.call("DescribeEtcdInstances", {"Offset": 1000})
    assert answer.code is None and not answer.response["Etcds"] and answer.response["TotalCount"] == 1


# The envelope: what is wrong before an action is looked at.

ENVELOPES = {
    "a foreign region": ({"X-TC-Region": "mars-north-1"}, "UnsupportedRegion"),
    "no region": ({"X-TC-Region": None}, ("MissingParameter", "UnsupportedRegion")),
    "no action": ({"X-TC-Action": None}, "MissingParameter"),
    "no version": ({"X-TC-Version": None}, "MissingParameter"),
    "an unknown API version": ({"X-TC-Version": "2020-01-01"}, "NoSuchVersion"),
    "no timestamp": ({"X-TC-Timestamp": None}, "MissingParameter"),
    "a timestamp of words": ({"X-TC-Timestamp": "now"}, None),
    "a timestamp past 64 bits": ({"X-TC-Timestamp": "9" * 30}, None),
    "an unsigned request": ({"Authorization": "SKIP"}, None),
    "no signature": ({"Authorization": None}, None),
    "half a signature": ({"Authorization": "TC3-HMAC-SHA256 Credential="}, None),
}


@pytest.mark.parametrize("case", ENVELOPES)
def test_a_bad_envelope_is_refused(raw, version, case):
    headers, codes = ENVELOPES[case]
    answer = raw.call("CreateEtcdInstance", creation(version, 1), headers=headers)
    if codes:
        expect(answer, codes)
    else:  # the document names several codes for these; what counts is that it is the caller's mistake
        expect(answer, answer.code)
        assert answer.code.split(".")[0] in ("AuthFailure", "MissingParameter", "InvalidParameter", "InvalidParameterValue")


SIGNATURES = {
    "a wrong key": ({"secret_key": "0" * 32}, "AuthFailure.SignatureFailure"),
    "an unknown SecretId": ({"secret_id": "AKID" + "0" * 32}, "AuthFailure.SecretIdNotFound"),
    "a signature of other bytes": ({"payload": b"{}"}, "AuthFailure.SignatureFailure"),
    "a scope of another service": ({"scope": "cvm"}, "AuthFailure.InvalidAuthorization"),
    "a scope of another day": ({"date": "2022-03-25"}, ("AuthFailure.SignatureFailure", "AuthFailure.InvalidAuthorization", "AuthFailure.SignatureExpire")),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_a_wrong_signature_is_refused(raw, version, case):
    how, codes = SIGNATURES[case]
    expect(raw.call("CreateEtcdInstance", creation(version, 1), **how), codes)


@pytest.mark.parametrize("skew", [-3600, -310, 310, 3600])
def test_a_timestamp_more_than_five_minutes_off_is_refused(raw, version, skew):
    expect(raw.call("CreateEtcdInstance", creation(version, 1), now=int(time.time()) + skew), "AuthFailure.SignatureExpire")


BODIES = {
    "no body": b"",
    "half of a JSON": b'{"Name": "a',
    "a JSON list": b"[]",
    "a JSON number": b"7",
    "JSON and more": b"{} {}",
    "bytes that are no UTF-8": b'{"Name": "\xff\xfe"}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 nested objects": b'{"AdvancedSettings":' * 100_000,
    "half a surrogate pair": b'{"Name": "\\ud800"}',
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_no_json_object_is_refused(raw, case):
    expect(raw.call("CreateEtcdInstance", body=BODIES[case]), "InvalidParameter")


def test_an_oversize_json_body_is_refused(raw, version):
    body = json.dumps(creation(version, 1, Description="d" * (10 * 1024 * 1024))).encode()
    expect(raw.call("CreateEtcdInstance", body=body), "RequestSizeLimitExceeded")


def test_an_oversize_form_is_refused(raw, version):
    form = raw.form("CreateEtcdInstance", creation(version, 1, Description="d" * (1024 * 1024)))
    expect(raw.post_form(form), "AuthFailure.SignatureFailure", "exceeding request size limit")


def test_an_oversize_query_is_refused(raw):
    answer = raw.send("GET", "/?" + raw.form("DescribeEtcdQuota", Padding="p" * 40_000).decode())
    expect(answer, answer.code)
    assert answer.code in ("RequestSizeLimitExceeded", "AuthFailure.SignatureFailure", "InvalidParameter", "InvalidRequest")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_another_method_than_get_and_post_is_refused(raw, version, method):
    expect(raw.call("CreateEtcdInstance", creation(version, 1), method=method), "UnsupportedProtocol")


def test_a_form_pair_without_its_value_sign_is_refused(raw):
    expect(raw.post_form(raw.form("DescribeEtcdQuota") + b"&lonely"), "InvalidParameter", "splited by")


def test_a_form_with_a_wrong_signature_is_refused(raw, version):
    form = raw.form("CreateEtcdInstance", creation(version, 1)).replace(b"Name=whole-life", b"Name=other")
    expect(raw.post_form(form), "AuthFailure.SignatureFailure")


def test_a_replayed_form_that_changes_something_is_refused_and_one_that_reads_is_not(raw, instance):
    change = raw.form("DisableEtcdInstanceDeletionProtection", {"InstanceId": instance})
    assert raw.post_form(change).code is None
    again = raw.post_form(change)
    expect(again, again.code)
    assert again.code.startswith("AuthFailure.")
    look = raw.form("DescribeEtcdQuota")
    assert raw.post_form(look).code is None and raw.post_form(look).code is None


def test_a_sixth_instance_in_a_region_is_past_the_quota(patient_server, version):
    patient_server.regions.add("ap-beijing")
    api = Sdk(patient_server, region="ap-beijing")
    made = [api.call("CreateEtcdInstance", creation(version, 1, f"of-five-{place}"))["InstanceId"] for place in range(5)]
    client = patient_server.raw()
    expect(client.call("CreateEtcdInstance", creation(version, 1), region="ap-beijing"), "LimitExceeded.QuotaEtcdLimit")
    listed = client.call("DescribeEtcdInstances", {"Limit": 50}, region="ap-beijing").response
    assert sorted(etcd["InstanceId"] for etcd in listed["Etcds"]) == sorted(made) and listed["TotalCount"] == 5
    first = client.call("DescribeEtcdInstances", {"Limit": 2}, region="ap-beijing").response
    rest = client.call("DescribeEtcdInstances", {"Limit": 50, "Offset": 2}, region="ap-beijing").response
    assert [etcd["InstanceId"] for etcd in first["Etcds"] + rest["Etcds"]] == [etcd["InstanceId"] for etcd in listed["Etcds"]]
    client.close()


def test_the_message_is_in_the_callers_language(raw):
    chinese, english = (raw.call("DescribeEtcdCredentials", {}, headers={"X-TC-Language": tongue}) for tongue in ("zh-CN", "en-US"))
    assert chinese.code == english.code and english.message.isascii() and not chinese.message.isascii()


def test_the_server_says_nothing_of_internal_errors_after_all_this(patient_server, instance):
    assert "panicked" not in patient_server.log.read_text(errors="replace")
