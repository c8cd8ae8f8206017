"""XML is looked at before OpenSim is: how deep it nests, whether it is one at all."""

from pathlib import Path

import pytest

from biomech.errors import BioposeError
from biomech.markup import check_xml, read_xml


def test_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text('<?xml version="1.0" encoding="UTF-8"?><a><b name="x"/></a></c>')  # as OpenSim takes it
    assert read_xml(path, what="setup").find("b").get("name") == "x"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<a>" * 200_000 + "</a>" * 200_000, "nest 200000 deep"),
        ("<a>" * 200_000, "nest 200000 deep"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares entities"),
        ("", "it is empty"),
    ],
)
def test_what_opensim_is_not_given(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "a.osim"
    path.write_text(text)
    with pytest.raises(BioposeError, match=why):
        check_xml(path, what="model")


@pytest.mark.parametrize(
    "text", ["<a><b></a>", "words", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-x"?><a/>']
)
def test_what_is_no_whole_xml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(BioposeError, match="not a setup"):
        read_xml(path, what="setup")
    with pytest.raises(BioposeError, match="no such setup"):
        read_xml(tmp_path / "none.xml", what="setup")
