"""What the web server is given before it starts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from referral_service.cli.serving import connections_for

PROGRAM = """
import resource, sys
from referral_service.cli.serving import allow_files
soft, hard = map(int, sys.argv[1:3])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
said = allow_files(int(sys.argv[3]))
assert said == resource.getrlimit(resource.RLIMIT_NOFILE)[0], said
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def files_allowed(*, soft: int, hard: int, wanted: int) -> int:
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard), str(wanted)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_there_may_be_as_many_files_open_as_there_are_connections_where_the_system_lets_us() -> None:
    assert files_allowed(soft=256, hard=900, wanted=800) == 800
    assert files_allowed(soft=256, hard=900, wanted=4000) == 900
    assert files_allowed(soft=700, hard=900, wanted=500) == 700


@pytest.mark.parametrize(("files", "connections"), [(65_536, 8192), (9216, 8192), (4096, 3072), (1024, 512)])
def test_a_process_takes_as_many_connections_as_leave_files_for_the_rest(files: int, connections: int) -> None:
    assert connections_for(files) == connections
