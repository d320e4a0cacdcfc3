import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from local.engine import free_port, running_engine
from local.errors import LocalError
from local.template import table_definitions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def client_of(endpoint: str) -> "DynamoDBClient":
    return boto3.client("dynamodb", endpoint_url=endpoint)


def test_an_engine_answers_inside_its_block_and_is_gone_after_it() -> None:
    with running_engine() as endpoint:
        assert client_of(endpoint).list_tables()["TableNames"] == []
    host, port = endpoint.removeprefix("http://").split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=1)


def test_data_outlives_an_engine_that_has_a_directory(tmp_path: Path) -> None:
    port = free_port()
    arguments = table_definitions()["IocTable"].create_arguments("kept")
    with running_engine(port, tmp_path / "data") as endpoint:
        client_of(endpoint).create_table(**arguments)
    with running_engine(port, tmp_path / "data") as endpoint:
        assert client_of(endpoint).list_tables()["TableNames"] == ["kept"]


def test_a_port_in_use_is_told_in_one_line() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(LocalError, match=r"^roto-server did not start: .* in use[^\n]*$"),
        running_engine(taken.getsockname()[1]),
    ):
        pass


def test_an_engine_that_is_not_installed_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalError, match="not installed"), running_engine():
        pass
