"""Which URLs of strangers are called: nothing that only this installation can reach."""

import pytest

from core.targets import Rules, TargetRefused, may_be_called, target_of

PUBLIC = Rules()
PRIVATE = Rules(http=True, private=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert may_be_called(address, PUBLIC)
    assert may_be_called(address, PRIVATE)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1",
    ],
)  # fmt: skip
def test_private_addresses_only_where_they_are_allowed(address: str) -> None:
    assert not may_be_called(address, PUBLIC)
    assert may_be_called(address, PRIVATE)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.1.1", "fe80::1", "fd00:ec2::254", "100.100.100.200", "192.0.0.192",
        "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "0.0.0.0", "::", "224.0.0.1", "ff02::1",
        "fec0::1", "64:ff9b:1::a00:1", "::ffff:0:127.0.0.1", "168.63.129.16",
        "", "localhost", "1.2.3", "0x7f000001",
    ],
)  # fmt: skip
def test_what_is_never_called(address: str) -> None:
    assert not may_be_called(address, PUBLIC)
    assert not may_be_called(address, PRIVATE)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/", "ftp://a.example/", "https://", "https:///x", "//a.example/", "https://user:pw@a.example/",
        "https://user@a.example/", "https://a.example/#x", "https://a.example:99999/", "https://[::1", "https://a b/",
        "https://a.example/\r\nX: y", "https://é.example/", "https://a.example/" + "x" * 2000, "javascript:alert(1)",
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        target_of(url, PUBLIC)


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://a.example", "a.example", "/"),
        ("https://A.example:443/x?y=1", "a.example", "/x?y=1"),
        ("https://a.example:8443/x", "a.example:8443", "/x"),
        ("https://[2001:db8::1]/x", "[2001:db8::1]", "/x"),
        ("https://a.example./x", "a.example", "/x"),
    ],
)
def test_the_parts_of_a_url(url: str, authority: str, path: str) -> None:
    target = target_of(url, PUBLIC)
    assert (target.authority, target.path, target.origin) == (authority, path, f"https://{authority}")
