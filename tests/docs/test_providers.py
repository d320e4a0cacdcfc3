"""Compares docs/providers.md with the code and the catalog."""

from dataclasses import MISSING, fields

from shared.formats.lists.declaration import Declaration, load_catalog, read_catalog
from shared.formats.lists.options import OPTIONS, Api
from tests.docs.markdown import ROOT, blocks, names, read, table

DOCUMENT = read("docs/providers.md")
TEXT = " ".join(DOCUMENT.split())


def test_a_list_is_added_in_under_ten_lines() -> None:
    first, second = blocks(DOCUMENT, "toml")
    assert len(first.text.splitlines()) < 10
    [added] = read_catalog(first.text).values()
    assert not added.on_demand
    [asked] = read_catalog(second.text).values()
    assert asked.on_demand
    assert asked.read_options(Api).keep == 6 * 3600
    # Both can follow what is shipped.
    shipped = (ROOT / "shared/formats/lists/catalog.toml").read_text(encoding="utf-8")
    assert len(read_catalog(f"{shipped}\n{first.text}\n{second.text}")) == len(load_catalog()) + 2


def test_field_table_has_every_field() -> None:
    documented = {row[0]: row[1] for row in table(DOCUMENT, "Field", "Needed", "Meaning")}
    known = {one.name: one for one in fields(Declaration) if one.name != "id"}
    assert list(documented) == list(known)
    for name, one in known.items():
        needed = one.default is MISSING and one.default_factory is MISSING
        assert (documented[name] == "yes") is needed, name


def test_format_table_has_every_option() -> None:
    documented = {
        name: names(options) for name, options, _ in table(DOCUMENT, "Format", "Options", "Reads")
    }
    assert documented == {
        name: [
            f"**{option}**" if field.is_required() else option
            for option, field in model.model_fields.items()
        ]
        for name, model in OPTIONS.items()
    }


def test_the_shown_commit_added_what_the_catalog_holds() -> None:
    [diff] = [block.text for block in blocks(DOCUMENT, "diff")]
    added = "\n".join(line[1:] for line in diff.splitlines() if line.startswith("+"))
    shown = read_catalog("\n".join(added.splitlines()[1:]))
    assert len(added.strip().splitlines()) - 1 < 10
    assert shown.items() <= load_catalog().items()
