"""``merestone review`` and ``merestone challenge``, as a script runs them."""

from __future__ import annotations

from pathlib import Path

from tests.cli.test_program import Program

DOCUMENT = """
merestone: 1
model: {{key: {key}, name: Model}}
territories:
  - key: west
    where: "state in ({states})"
    members: [{{rep: ana@example.com}}, {{rep: mia@example.com, role: manager}}]
  - key: east
    where: "state in ('NY')"
    members: [{{rep: ben@example.com}}]
"""


def test_a_review_from_start_to_status(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program("init")
    reps = program.write(
        "reps.csv", "name,email\nAna,ana@example.com\nBen,ben@example.com\nMia,mia@example.com\n"
    )
    program("import", "reps", reps)
    for key, states in (("old", "'CA', 'WA'"), ("new", "'CA'")):
        document = program.write(f"{key}.yaml", DOCUMENT.format(key=key, states=states))
        program("model", "apply", document, *(["--publish"] if key == "old" else []))
    accounts = program.write("accounts.csv", "id,name,country,state\nA1,Alder,US,WA\nA2,Birch,US,CA\n")
    program("import", "accounts", accounts)
    program(
        "user",
        "create",
        "ana@example.com",
        "--role",
        "rep",
        "--rep",
        "ana@example.com",
        "--password",
        "quarry-and-fern-29",
    )

    started = program("review", "start", "new", "--suggested", "--until", "2099-01-31", "--message", "Look")
    assert (started["state"], started["invited"]) == ("in_review", 1)
    told = program("review", "status", "new")
    assert (told["asked"], told["looked"], told["people"][0]["name"]) == (1, 0, "ana@example.com")
    assert program("review", "remind", "new") == {"reminded": 0}
    assert program("challenge", "list", "new", "--state", "open") == {"challenges": []}
    assert program.run("challenge", "decide", "new", "77", "--accept").returncode == 1
    assert "ana@example.com" in program.run("review", "status", "new").stdout
