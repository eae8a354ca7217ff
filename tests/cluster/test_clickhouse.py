"""deploy/clickhouse: the tables for a cluster of ClickHouse servers, made from the one schema, and the servers' configuration.

There is no ClickHouse server here. The engine of the embedded store is one in all but its ports: it takes the servers' configuration, with a
keeper in memory, makes the tables, and says which users, rights and settings it has understood. It replicates nothing, and carries out no
statement ON CLUSTER, so that these are held against it without."""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import types
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import pytest

from support.server import ROOT, Server
from support.store import store

FOLDER = ROOT / "deploy/clickhouse"
SCHEMA = ROOT / "sql/clickhouse/schema"


def load() -> types.ModuleType:
    loader = importlib.machinery.SourceFileLoader("replicate", str(FOLDER / "replicate"))
    spec = importlib.util.spec_from_loader("replicate", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["replicate"] = module
    loader.exec_module(module)
    return module


replicate = load()
STATEMENTS: list[str] = replicate.statements()
NAMES = {kind: sorted(file.stem.removeprefix(f"{kind}-") for file in SCHEMA.glob(f"{kind}-*.sql")) for kind in ("table", "view")}


def statement_of(database: str, name: str) -> str:
    [found] = [text for text in STATEMENTS if re.match(rf"CREATE \w+ IF NOT EXISTS {database}\.{name} ", text)]
    return found


def plain(statement: str) -> str:
    """Without what makes it replicated."""
    statement = statement.replace(" ON CLUSTER '{cluster}'", "")
    statement = re.sub(r"Replicated(\w*MergeTree)\('/clickhouse/[^']*', '[^']*'(?:, )?", r"\1(", statement)
    return statement.replace(
        "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800", "non_replicated_deduplication_window = 0"
    ).replace("MergeTree()", "MergeTree")


@pytest.fixture
def trial(server: Server) -> Iterator[str]:
    """A database of the shared server's store, to try statements in."""
    store(server, "CREATE DATABASE trial")
    yield "trial"
    store(server, "DROP DATABASE trial SYNC")


class TestTables:
    def test_every_table_and_view_of_the_schema_is_there_and_nothing_else(self):
        created = [re.match(r"CREATE (?:TABLE|VIEW) IF NOT EXISTS (\w+)\.(\w+) ON CLUSTER '\{cluster\}'\n", text) for text in STATEMENTS]
        names = [(found[1], found[2]) for found in created if found]
        assert len(NAMES["table"]) > 10 and len(NAMES["view"]) >= 2
        assert [name for database, name in names if database == "footfall"] == NAMES["table"] + NAMES["view"]
        # What is at hand while something is done is each shard's own affair, and so are its migrations.
        at_hand = {name for name in NAMES["table"] if "\nENGINE = Memory" in (SCHEMA / f"table-{name}.sql").read_text()}
        assert [name for database, name in names if database == "footfall_all"] == [
            name for name in NAMES["table"] + NAMES["view"] if name not in at_hand | {"schema_migrations"}
        ]
        assert len(STATEMENTS) == len(names) + 3, "two databases, and the record of the migrations"

    def test_every_table_is_replicated_and_is_the_schemas_otherwise(self):
        for name in NAMES["table"]:
            statement = statement_of("footfall", name)
            assert re.search(r"\nENGINE = Replicated\w*MergeTree\('/clickhouse/tables/(?:\{shard\}|all)/\{database\}/\{table\}', '", statement), name
            text = (SCHEMA / f"table-{name}.sql").read_text().strip()
            if "\nENGINE = Memory" in text:
                assert plain(statement).partition("\nENGINE = ")[0] == text.partition("\nENGINE = ")[0]
            else:
                assert plain(statement).strip() == text
            assert "non_replicated" not in statement and "fsync_after_insert = 1" in statement, name

    def test_rows_of_a_visitor_are_on_one_shard(self):
        """The partition of the log is chosen by site and visitor, and is a column of what is made of it."""
        by_partition = []
        for name in NAMES["table"] + NAMES["view"]:
            if name in ("schema_migrations", "erasing_entries", "erasing_visitors", "retained_entries", "sessions_former"):
                continue
            statement = statement_of("footfall_all", name)
            [engine] = re.findall(r"\nENGINE = Distributed\('\{cluster\}', 'footfall', '(\w+)'(.*)\)$", statement)
            assert engine[0] == name
            assert (engine[1] == ", log_partition") == ("`log_partition` " in statement), name
            if engine[1]:
                by_partition.append(name)
            if "`visitor_id` " in statement:
                assert engine[1], f"{name} has visitors, and nothing says on which shard"
        assert by_partition == ["events", "loader_checkpoints", "loader_doubts", "loader_holds", "loader_undo", "rejected", "rejected_counts", "session_alias", "sessions"]

    def test_what_nobody_has_thought_of_is_refused(self):
        known = (SCHEMA / "table-events.sql").read_text()
        with pytest.raises(ValueError, match="nobody has said"):
            replicate.replicated(replicate.taken_apart(known.replace("ENGINE = MergeTree", "ENGINE = Log")))
        with pytest.raises(ValueError, match="no statement"):
            replicate.taken_apart("CREATE DICTIONARY footfall.a (b UInt8)")


class TestEngine:
    def test_it_parses_every_statement(self, server: Server):
        for statement in STATEMENTS:
            if statement.startswith("INSERT"):
                assert store(server, f"EXPLAIN SYNTAX {statement.partition(chr(10))[2]}")
            else:
                assert store(server, f"EXPLAIN AST {statement}").startswith("Create"), statement

    def test_the_tables_are_those_of_the_product(self, server: Server, trial: str):
        columns = ("SELECT table, name, type, default_kind, default_expression, compression_codec, is_in_sorting_key, is_in_partition_key"
                   " FROM system.columns WHERE database = '{}' ORDER BY table, position")
        keys = "SELECT name, engine, sorting_key, partition_key, primary_key, sampling_key FROM system.tables WHERE database = '{}' ORDER BY name"
        for name in NAMES["table"] + NAMES["view"]:
            store(server, plain(statement_of("footfall", name)).replace("footfall.", f"{trial}."))
        assert store(server, columns.format(trial)) == store(server, columns.format("footfall"))
        of_trial, of_product = (store(server, keys.format(database)).splitlines() for database in (trial, "footfall"))
        assert [line for line in of_trial if line not in of_product] == [
            f"{name}\tMergeTree\t\t\t\t" for name in ("erasing_entries", "erasing_visitors", "retained_entries", "sessions_former")
        ]

    def test_what_is_asked_over_all_shards_has_the_same_columns(self, server: Server, trial: str):
        columns = "SELECT name, type, default_kind, default_expression FROM system.columns WHERE database = '{}' AND table = '{}' ORDER BY position"
        for statement in STATEMENTS:
            if found := re.match(r"CREATE TABLE IF NOT EXISTS footfall_all\.(\w+) ", statement):
                memory = re.sub(r"\nENGINE = .*", "\nENGINE = Memory", statement).replace(" ON CLUSTER '{cluster}'", "")
                store(server, memory.replace("footfall_all.", f"{trial}."))
                assert store(server, columns.format(trial, found[1])) == store(server, columns.format("footfall", found[1])), found[1]

    def test_the_record_is_that_of_a_store_that_was_migrated(self, server: Server, trial: str):
        """Or a node would take the tables for those of an unfinished first start, and make plain ones in their place."""
        store(server, f"CREATE TABLE {trial}.schema_migrations AS footfall.schema_migrations")
        record = STATEMENTS[-1].replace("footfall.", f"{trial}.")
        for _ in range(2):
            store(server, record)
        recorded = "SELECT name, checksum FROM {}.schema_migrations ORDER BY name"
        assert store(server, recorded.format(trial)) == store(server, recorded.format("footfall"))


def parsed(path: str) -> ElementTree.Element:
    return ElementTree.parse(FOLDER / path).getroot()


class AsServer:
    """The engine with what deploy/clickhouse says, but for what is of the network, and for a user by whom the test comes."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        root, more, users = (parsed(path) for path in ("config.d/cluster.xml", "config.d/footfall.xml", "users.d/footfall.xml"))
        for name in ("zookeeper", "keeper_server", "distributed_ddl"):
            root.remove(section_of(root, name))
        root.append(section_of(more, "merge_tree"))
        root.append(ElementTree.fromstring(
            "<zookeeper><implementation>testkeeper</implementation><node><host>127.0.0.1</host><port>2181</port></node></zookeeper>"
        ))
        root.append(ElementTree.fromstring(f"<users_config>{folder}/users.xml</users_config>"))
        # The library does not read the switch in config.d that these need.
        for constraints in users.iter("constraints"):
            for setting in list(constraints):
                setting[:] = [bound for bound in setting if bound.tag != "changeable_in_readonly"]
                if not len(setting):
                    constraints.remove(setting)
        everybody = section_of(users, "users")
        everybody.remove(section_of(everybody, "default"))
        everybody.append(ElementTree.fromstring(
            "<default><password/><profile>default</profile><quota>default</quota><access_management>1</access_management>"
            "<networks><ip>::/0</ip></networks></default>"
        ))
        section_of(users, "profiles").append(ElementTree.Element("default"))
        users.append(ElementTree.fromstring("<quotas><default/></quotas>"))
        ElementTree.ElementTree(root).write(folder / "config.xml")
        ElementTree.ElementTree(users).write(folder / "users.xml")

    def ask(self, *statements: str) -> list[dict[str, str]]:
        names = set(re.findall(r'from_env="(\w+)"', "".join(path.read_text() for path in FOLDER.rglob("*.xml"))))
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests/cluster/engine.py"), str(self.folder / "config.xml"), str(self.folder / "store")],
            input=json.dumps(statements), capture_output=True, text=True, timeout=60,
            env=os.environ | dict.fromkeys(names, "ab" * 32) | {"FOOTFALL_SHARD": "1", "FOOTFALL_REPLICA": "a"},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def told(self, *statements: str) -> list[str]:
        answers = self.ask(*statements)
        assert all("text" in answer for answer in answers), [answer for answer in answers if "error" in answer]
        return [answer["text"] for answer in answers]


def section_of(element: ElementTree.Element, name: str) -> ElementTree.Element:
    found = element.find(name)
    assert found is not None, name
    return found


@pytest.fixture
def as_server(folder: pathlib.Path) -> AsServer:
    return AsServer(folder)


class TestEngineAsServer:
    def test_it_makes_the_tables_with_a_keeper_and_a_cluster(self, as_server: AsServer):
        made = [statement.replace(" ON CLUSTER '{cluster}'", "") for statement in STATEMENTS[:-1]]
        replicas, distributed = as_server.told(
            *made,
            "SELECT table, engine, zookeeper_path, replica_name FROM system.replicas WHERE database = 'footfall' ORDER BY table",
            "SELECT name, engine FROM system.tables WHERE database = 'footfall_all' ORDER BY name",
        )[-2:]
        table = {line.split("\t")[0]: line.split("\t")[1:] for line in replicas.splitlines()}
        assert sorted(table) == NAMES["table"]
        for name, (engine, path, replica) in table.items():
            is_of_all = name == "schema_migrations"
            assert engine.startswith("Replicated") and replica == ("1-a" if is_of_all else "a")
            assert path == f"/clickhouse/tables/{'all' if is_of_all else '1'}/footfall/{name}"
        assert len(distributed.splitlines()) > 10 and {line.split("\t")[1] for line in distributed.splitlines()} == {"Distributed"}

    def test_it_understands_users_rights_and_settings(self, as_server: AsServer):
        users, load, query, profiles, clusters, merge_tree = as_server.told(
            "SELECT name, auth_type FROM system.users WHERE name LIKE 'footfall%' ORDER BY name",
            "SHOW GRANTS FOR footfall_load",
            "SHOW GRANTS FOR footfall_query",
            "SELECT setting_name, value, max FROM system.settings_profile_elements WHERE profile_name = 'footfall_query'",
            "SELECT shard_num, count() FROM system.clusters WHERE cluster = 'footfall' GROUP BY 1 ORDER BY 1",
            "SELECT name, value FROM system.merge_tree_settings WHERE changed ORDER BY name",
        )
        assert users == "".join(f"footfall_{name}\t['sha256_password']\n" for name in ("load", "query", "schema"))
        assert "GRANT SELECT, INSERT, ALTER UPDATE, ALTER DELETE, TRUNCATE ON footfall.* TO footfall_load\n" in load
        assert all(line.startswith("GRANT SELECT ON ") for line in query.splitlines()) and "footfall_all.*" in query
        assert "readonly\t1\t" in profiles and "max_execution_time\t30\t3600\n" in profiles
        assert clusters == "1\t2\n2\t2\n"
        section = parsed("config.d/footfall.xml").find("merge_tree")
        assert section is not None
        assert merge_tree == "".join(sorted(f"{setting.tag}\t{setting.text}\n" for setting in section))


class TestConfiguration:
    def test_every_setting_is_one_that_the_engine_knows(self, server: Server):
        settings = set(store(server, "SELECT name FROM system.settings").split())
        profiles = parsed("users.d/footfall.xml").find("profiles")
        assert profiles is not None
        named = {setting.tag for profile in profiles for setting in profile if setting.tag != "constraints"}
        named |= {setting.tag for constraints in profiles.iter("constraints") for setting in constraints}
        assert len(named) > 30 and named <= settings, named - settings
        merge_tree = set(store(server, "SELECT name FROM system.merge_tree_settings").split())
        section = parsed("config.d/footfall.xml").find("merge_tree")
        assert section is not None
        assert {setting.tag for setting in section} <= merge_tree
        assert {setting.tag: setting.text for setting in section}.items() >= {
            "fsync_after_insert": "1", "fsync_part_directory": "1", "min_rows_to_fsync_after_merge": "1",
            "min_compressed_bytes_to_fsync_after_merge": "1", "max_suspicious_broken_parts": "100000",
        }.items()

    def test_a_reader_may_set_what_questions_set_and_nothing_else(self, server: Server):
        settings = set(store(server, "SELECT name FROM system.settings").split())
        sources = [*(ROOT / "src/query").rglob("*.cc"), *(ROOT / "src/query").rglob("*.h"), ROOT / "src/store/client.cc"]
        texts = [source.read_text() for source in sources if not source.name.endswith("_test.cc")]
        quoted = {word for text in texts for word in re.findall(r'"([a-z_0-9]+)"', text)}
        # These are members of a question, which have the names of settings by chance.
        sent = (quoted & settings) - {"limit", "offset"}
        profile = parsed("users.d/footfall.xml").find("profiles/footfall_query")
        assert profile is not None and profile.findtext("readonly") == "1"
        constraints = profile.find("constraints")
        assert constraints is not None
        open_to_readers = {setting.tag for setting in constraints if setting.find("changeable_in_readonly") is not None}
        assert "max_execution_time" in sent and "max_memory_usage" in sent
        assert open_to_readers == sent, open_to_readers ^ sent

    def test_nobody_comes_without_a_password_and_readers_are_given_nothing_to_write(self):
        users = parsed("users.d/footfall.xml").find("users")
        assert users is not None
        for user in users:
            if user.tag == "default":
                assert user.get("remove") == "remove"
                continue
            password = user.find("password_sha256_hex")
            assert password is not None and (password.get("from_env") or "").endswith("_SHA256") and not password.text
            assert user.findtext("profile") == user.tag and user.findtext("access_management") == "0"
            grants = [grant.text or "" for grant in user.iter("query")]
            assert grants
            if user.tag == "footfall_query":
                assert all(grant.startswith("GRANT SELECT ON ") for grant in grants), grants
            if user.tag == "footfall_load":
                assert not any(re.search(r"CREATE|DROP|ALL|SOURCES", grant) for grant in grants), grants

    def test_the_cluster_is_the_one_that_the_tables_name(self):
        root = parsed("config.d/cluster.xml")
        assert root.findtext("macros/cluster") == "footfall"
        shards = root.findall("remote_servers/footfall/shard")
        assert len(shards) >= 2 and all(shard.findtext("internal_replication") == "true" for shard in shards)
        assert root.find("remote_servers/footfall/secret") is not None
        assert len(root.findall("zookeeper/node")) % 2 == 1
        assert {node.findtext("host") for node in root.findall("zookeeper/node")} == {
            one.findtext("hostname") for one in root.findall("keeper_server/raft_configuration/server")
        }
