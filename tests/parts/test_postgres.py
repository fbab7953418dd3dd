from __future__ import annotations

import pytest

from tests.parts.postgres import PostgresServer

pytestmark = pytest.mark.postgres


def test_a_crashed_server_comes_back_with_what_was_committed(postgres_server: PostgresServer) -> None:
    postgres_server.create_database("crash")
    postgres_server.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n", "crash")
    postgres_server.stop("immediate")
    postgres_server.start()
    assert postgres_server.sql("SELECT count(*) FROM t", "crash") == "1000"
    postgres_server.drop_database("crash")
