"""Checkpoints: one file for all, whole or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle import nn
from needle.nn import load_checkpoint, save_checkpoint
from needle.optim import Adam


def trained(seed: int, out: int = 2) -> tuple[nn.Linear, Adam]:
    nd.random.manual_seed(seed)
    model = nn.Linear(3, out)
    optimizer = Adam(model.parameters(), lr=0.1)
    model(ad.tensor(nd.ones((1, 3)))).sum().backward()
    optimizer.step()
    return model, optimizer


def state(*things: Any) -> str:
    return repr([thing.state_dict() for thing in things])


def rewrite(path: Path, change: Any) -> None:
    """Change the header of a safetensors file."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + length :])


def test_everything_comes_back(tmp_path: Path):
    model, optimizer = trained(1)
    generator = nd.random.Generator(5)
    generator.bits(3)
    values = {"epoch": 3, "history": [{"loss": 0.1, "name": "x"}, None, True], "best": nd.asarray([1, 2])}
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, model=model, optimizer=optimizer, generator=generator, **values)

    model2, optimizer2 = trained(2)
    generator2 = nd.random.Generator(0)
    rest = load_checkpoint(path, model=model2, optimizer=optimizer2, generator=generator2)
    assert state(model2, optimizer2, generator2) == state(model, optimizer, generator)
    assert rest.pop("best").tolist() == [1, 2]
    del values["best"]
    assert rest == values
    assert [file.name for file in tmp_path.iterdir()] == ["last.safetensors"]


def test_it_is_a_plain_safetensors_file(tmp_path: Path):
    model, _ = trained(1)
    save_checkpoint(tmp_path / "a.safetensors", model=model)
    arrays, metadata = nd.load_safetensors(tmp_path / "a.safetensors")
    assert arrays["model.weight"].tolist() == model.weight.tolist()
    assert set(json.loads(metadata["needle.checkpoint"])["model"]) == {"weight", "bias"}


def test_a_model_on_another_device(tmp_path: Path, device: str):
    model, _ = trained(1)
    save_checkpoint(tmp_path / "a.safetensors", model=model)
    other = nn.Linear(3, 2, device=device)
    load_checkpoint(tmp_path / "a.safetensors", model=other)
    assert str(other.weight.device) == device
    assert other.weight.tolist() == model.weight.tolist()


@pytest.mark.parametrize("keep", [0, 7, 50, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int):
    model, optimizer = trained(1)
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, model=model, optimizer=optimizer)
    path.write_bytes(path.read_bytes()[:keep])
    before = state(model, optimizer)
    with pytest.raises(ValueError, match=r"a\.safetensors.*damaged"):
        load_checkpoint(path, model=model, optimizer=optimizer)
    assert state(model, optimizer) == before


def test_a_changed_byte_is_found_by_its_checksum(tmp_path: Path):
    model, _ = trained(1)
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, model=model)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    before = state(model)
    with pytest.raises(
        ValueError, match=r"the checkpoint is damaged in '.*'; got the checksum of model\.\w+ is not the one"
    ):
        load_checkpoint(path, model=model)
    assert state(model) == before


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"model": {"weight": {"$array": "nothing", "crc32": 0}}}', '{"m": {"$array": []}}']
)
def test_damaged_json_is_refused(tmp_path: Path, text: str):
    model, _ = trained(1)
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, model=model)
    rewrite(path, lambda header: header["__metadata__"].update({"needle.checkpoint": text}))
    with pytest.raises(ValueError, match=r"\[load_checkpoint\] the checkpoint is damaged in"):
        load_checkpoint(path, model=model)


def test_weights_alone_are_no_checkpoint(tmp_path: Path):
    model, _ = trained(1)
    nd.save_safetensors(tmp_path / "w.safetensors", model.state_dict())
    with pytest.raises(ValueError, match=r"\[load_checkpoint\] the file is no checkpoint in '.*w\.safetensors'; hint"):
        load_checkpoint(tmp_path / "w.safetensors", model=model)


def test_a_missing_entry_is_named(tmp_path: Path):
    model, optimizer = trained(1)
    save_checkpoint(tmp_path / "a.safetensors", model=model, epoch=1)
    with pytest.raises(ValueError, match=r"the checkpoint has no entry 'optimizer' in '.*'; got model, epoch"):
        load_checkpoint(tmp_path / "a.safetensors", model=model, optimizer=optimizer)


def test_where_one_object_refuses_none_is_changed(tmp_path: Path):
    model, optimizer = trained(1)
    save_checkpoint(tmp_path / "a.safetensors", model=model, optimizer=trained(1, out=5)[1])
    mine, own = trained(2)
    before = state(mine, own)
    with pytest.raises(ValueError, match=r"\[load_checkpoint\] entry 'optimizer' does not fit in '.*'; got \[Adam"):
        load_checkpoint(tmp_path / "a.safetensors", model=mine, optimizer=own)
    assert state(mine, own) == before
    assert state(mine) != state(model)
    assert optimizer.state


@pytest.mark.parametrize("value", [object(), {1: 2}, {"$array": 1}, [{"x": {3}}]])
def test_what_cannot_be_saved_is_named_and_the_file_stays(tmp_path: Path, value: Any):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, epoch=1)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"\[save_checkpoint\] notes\S* cannot be saved; got "):
        save_checkpoint(path, epoch=2, notes=value)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(OSError, match="nowhere"):
        save_checkpoint(tmp_path / "nowhere" / "a.safetensors", epoch=1)
    with pytest.raises(OSError, match="nowhere"):
        load_checkpoint(tmp_path / "nowhere" / "a.safetensors")
