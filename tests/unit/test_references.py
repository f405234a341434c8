"""Publications: every row names those that it is of, and every key leads to an entry."""

from __future__ import annotations

import re

import pytest

from seggrid.catalogue import LOSSES, METRICS, NETWORKS
from seggrid.catalogue.network_references import ARCHITECTURES, ENCODERS, of_architecture, of_encoder
from seggrid.catalogue.references import REFERENCES, SOFTWARE


def test_every_key_leads_to_an_entry() -> None:
    named = {key for row in (*LOSSES.values(), *METRICS.values()) for key in row.references}
    assert named | {*ARCHITECTURES.values(), *ENCODERS.values(), *SOFTWARE.values()} <= set(REFERENCES)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_with_a_published_source_names_its_publication(name: str) -> None:
    row = LOSSES[name]
    authors = [re.match(r"\w+", REFERENCES[key].author)[0] for key in row.references]
    assert bool(authors) == bool(re.search(r"\bet al\b|&|\d{4}", row.source))
    for author in authors:
        assert author in row.source


@pytest.mark.parametrize("name", NETWORKS)
def test_architecture_and_encoder_of_every_named_network_are_known(name: str) -> None:
    row = NETWORKS[name]
    assert of_architecture(row.architecture)
    assert row.encoder is None or of_encoder(row.encoder)


def test_the_longest_beginning_of_an_encoder_counts() -> None:
    assert of_encoder("tu-resnet50c") == ("he2019",)
    assert of_encoder("resnet50") == ("he2016",)
    assert of_encoder("an-encoder-of-tomorrow") == ()


@pytest.mark.parametrize("key", REFERENCES)
def test_an_entry_is_complete_as_far_as_it_goes(key: str) -> None:
    entry = REFERENCES[key]
    year = entry.fields.get("year", "")
    assert re.fullmatch(r"[a-z]+(\d{4}[a-z]*)?", key)
    assert not year or year in key
    assert not re.search(r"[{}\\]", entry.author + entry.title + "".join(entry.fields.values()))
    assert all(entry.fields.values())
    for author in entry.author.split(" and "):
        assert author == "others" or "," in author
