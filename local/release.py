"""`python -m local.release FOLDER BUCKET BUILT`: packages the built template, and writes the notes.

`make release` calls it. `sam package` always uploads, so it gets a bucket of the local engine, and
the objects in it become files. The packaged template names BUCKET; docs/releasing.md describes how
to upload the files there.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import boto3

from local.engine import running_engine

ROOT = Path(__file__).parents[1]
_SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
_UNRELEASED = "Unreleased"
# The engine accepts any key and region.
_KEY = "local"
_REGION = "us-east-1"


def main(folder: Path, bucket: str, built: Path) -> None:
    """Write `packaged.yaml`, the folder `artifacts` and `NOTES.md`.

    Args:
        folder: receives them; it exists.
        bucket: name of the bucket that the packaged template takes its artifacts from.
        built: folder with the built template.
    """
    version = tomllib.loads(_read("pyproject.toml"))["project"]["version"]
    package(folder, bucket, f"ioc-reputation/{version}", built)
    (folder / "NOTES.md").write_text(notes(_read("CHANGELOG.md"), version), encoding="utf-8")


def package(folder: Path, bucket: str, prefix: str, built: Path) -> None:
    """Run `sam package`, and write the objects that it uploads below `folder/artifacts`."""
    with running_engine() as endpoint:
        account = {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _KEY,
            "AWS_DEFAULT_REGION": _REGION,
        }
        store = boto3.resource(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=_KEY,
            aws_secret_access_key=_KEY,
            region_name=_REGION,
        )
        objects = store.create_bucket(Bucket=bucket).objects
        command = [str(_SAM), "package", "--template-file", str(built / "template.yaml")]
        command += ["--output-template-file", str(folder / "packaged.yaml")]
        command += ["--s3-bucket", bucket, "--s3-prefix", prefix, "--no-progressbar"]
        # Its output only describes how to deploy from here.
        subprocess.run(  # noqa: S603
            command, check=True, cwd=ROOT, env=os.environ | account, stdout=subprocess.DEVNULL
        )
        for one in objects.all():
            file = folder / "artifacts" / one.key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(one.get()["Body"].read())


def notes(changelog: str, version: str) -> str:
    """Return the changelog's section for a version, or the unreleased one if it has none."""
    sections = {
        part.partition("]")[0]: part.partition("\n")[2].strip() + "\n"
        for part in changelog.split("\n## [")[1:]
    }
    return sections.get(version) or sections[_UNRELEASED]


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    _folder, _bucket, _built = sys.argv[1:]
    main(Path(_folder), _bucket, Path(_built))
