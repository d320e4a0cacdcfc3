"""One function of many, as a process: reports when it is ready, and starts on a signal.

A script and no test, with few imports, because sixteen of it start at once:
`ask_quota.py TABLE NOW REQUESTS DIGEST,DAILY,MINUTE,COST...` prints for each key how many
requests were let through.
"""

import sys

from shared.http.quota import Quota
from shared.store.api_keys import ApiKey
from shared.store.client import dynamodb_client
from shared.store.quotas import QuotaCounters


def main(table: str, now: str, requests: str, *keys: str) -> None:
    quota = Quota(QuotaCounters(dynamodb_client(read_timeout_s=20), table), lambda: int(now))
    print("ready", flush=True)  # noqa: T201  # to the test that started it
    sys.stdin.readline()
    for each in keys:
        digest, daily, minute, cost = each.split(",")
        key = ApiKey(digest, "test", daily_limit=int(daily), minute_limit=int(minute))
        through = sum(quota.take(key, int(cost)).allowed for _ in range(int(requests)))
        print(through)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
