import pytest

from nas_ray.ledger import LEDGER, Ledger, read


@pytest.fixture
def path(tmp_path):
    path = tmp_path / LEDGER
    with Ledger(path) as ledger:
        ledger.append("run", space="chain")
        ledger.append("report", epoch=1, metrics={"val_acc": 0.5})
        ledger.append("end", trial_id="t00000", error="ünsäglich\n")
    return path


def test_torn_at_every_byte_of_the_last_line(path):
    whole = path.read_bytes()
    first = whole.rfind(b"\n", 0, -1) + 1
    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        path.with_suffix(".torn").unlink(missing_ok=True)
        assert [record["kind"] for record in read(path)] == ["run", "report"]
        with Ledger(path) as ledger:
            ledger.append("stop", reason="user")
        assert [record["kind"] for record in read(path)] == ["run", "report", "stop"]
        kept = path.with_suffix(".torn")
        assert (kept.read_bytes() if kept.exists() else b"\n") == whole[first:cut] + b"\n"


def test_torn_inside_the_only_line(path):
    path.write_bytes(b'{"kind":"ru')
    assert read(path) == []
    with Ledger(path) as ledger:
        assert ledger.torn == b'{"kind":"ru'


@pytest.mark.parametrize(
    "tail", [b"\x00" * 512, b"\x00" * 512 + b"\n", b'{"kind":"end"\n', b"\n", b"\xff\xfe\n"]
)
def test_garbage_after_a_power_cut(path, tail):
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert len(read(path)) == 3
    with Ledger(path):
        assert path.read_bytes() == whole


def test_several_tears_are_all_kept(path):
    for text in (b"first", b"second"):
        path.write_bytes(path.read_bytes() + text)
        Ledger(path).close()
    assert path.with_suffix(".torn").read_bytes() == b"first\nsecond\n"


def test_reading_never_changes_the_file(path):
    torn = path.read_bytes()[:-5]
    path.write_bytes(torn)
    read(path)
    assert path.read_bytes() == torn
