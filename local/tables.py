"""Creates the tables at AWS_ENDPOINT_URL_DYNAMODB, as template.yaml declares them."""

from collections.abc import Mapping
from typing import TextIO

from botocore.exceptions import ClientError

from local import environment
from local.errors import LocalError
from local.template import TableDefinition, table_definitions
from shared.store.client import DynamoDBClient, dynamodb_client

# Error codes with which engines reject an unknown operation.
_NO_SUCH_OPERATION = {"UnknownOperationException", "UnsupportedOperation", "NotImplemented"}


def command(out: TextIO) -> int:
    """Create the tables, and print for each whether it was created or existed.

    Returns:
        0: all tables exist.
    """
    endpoint = environment.engine_endpoint()
    for name, created in make_tables(dynamodb_client(), environment.table_names()).items():
        print(f"{name}: {'created' if created else 'exists'} at {endpoint}", file=out)
    return 0


def make_tables(client: DynamoDBClient, names: Mapping[str, str]) -> dict[str, bool]:
    """Create each table that does not exist yet and switch its TTL on.

    Args:
        client: low-level DynamoDB client of the engine.
        names: table names by logical id in template.yaml.

    Returns:
        By table name: True if it was created, False if it existed.

    Raises:
        LocalError: the template does not declare a table, or the engine rejects one.
    """
    definitions = table_definitions()
    if absent := sorted(set(names) - set(definitions)):
        raise LocalError(f"template.yaml has no table {', '.join(absent)}")
    return {name: _make(client, definitions[key], name) for key, name in names.items()}


def _make(client: DynamoDBClient, table: TableDefinition, name: str) -> bool:
    try:
        client.create_table(**table.create_arguments(name))
    except client.exceptions.ResourceInUseException:
        return False
    except ClientError as error:
        raise LocalError(f"cannot create the table {name}: {error}") from error
    client.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    if arguments := table.ttl_arguments(name):
        try:
            client.update_time_to_live(**arguments)
        except ClientError as error:
            # An engine without TTL is good enough; its items do not expire.
            if error.response["Error"]["Code"] not in _NO_SUCH_OPERATION:
                raise LocalError(f"cannot set the TTL of {name}: {error}") from error
    return True
