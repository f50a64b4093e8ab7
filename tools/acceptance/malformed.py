"""Broken scenario files, by what is wrong with them."""

from __future__ import annotations

GOOD = """\
schema: drivesim.scenario/1
name: street
clock: {duration: 20.0}
road: {lanes: 2}
ego: {initial: {speed: 12.0}}
"""


def _with(old: str, new: str) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new).encode()


def _alias_bomb() -> bytes:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return ("\n".join(rows) + "\n" + GOOD).encode()


FILES: dict[str, bytes] = {
    "unknown_key": _with("lanes: 2", "lains: 2"),
    "wrong_unit": _with("speed: 12.0", 'speed: "12 parsec"'),
    "wrong_type": _with("lanes: 2", "lanes: many"),
    "out_of_range": _with("duration: 20.0", "duration: -20.0"),
    "bad_yaml": _with("{lanes: 2}", "{lanes: 2"),
    "duplicate_key": _with("name: street\n", "name: street\nname: road\n"),
    "alias_bomb": _alias_bomb(),
    "path_outside": (GOOD + "actors:\n  - {id: walker, class: pedestrian, track: {file: ../../etc/passwd}}\n").encode(),
    "unknown_schema": _with("scenario/1", "scenario/99"),
    "unknown_actor": (
        GOOD + "events:\n  - {id: stop, actor: nobody, when: {time: 1.0}, do: {brake: {to: 0.0}}}\n"
    ).encode(),
    "not_utf8": GOOD.encode() + b"description: \xff\xfe\n",
    "python_tag": _with("name: street", "name: !!python/object/apply:os.getcwd []"),
    "a_list": b"- schema\n- name\n",
    "empty": b"",
    "missing_key": _with("clock: {duration: 20.0}\n", ""),
    "huge_number": _with("lanes: 2", "lanes: 1.0e+400"),
}
