# SPDX-License-Identifier: Apache-2.0

"""Adds files to tables of a REST catalog of Apache Iceberg itself, and has DuckDB read them by code of its own."""

from __future__ import annotations

import sys
import tempfile
import unittest
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update import AddSnapshotUpdate
from pyiceberg.transforms import DayTransform
from pyiceberg.types import LongType, NestedField, TimestampType

sys.path.insert(0, str(Path(__file__).parent))
from servers import iceberg

from trunkline_catalog import iceberg as program
from trunkline_catalog.iceberg import add_files, files_of
from trunkline_catalog.objects import Input, Object
from trunkline_catalog.params import CatalogError, Work, parse_params, parse_table

EXTENSIONS = ("avro", "httpfs", "iceberg")


class Lake:
    """A folder with the lots of a dataset."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = f"file://{folder}/"

    def put(self, key: str, **columns: Any) -> Object:
        """Writes a file of Parquet."""
        file = self.folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), file)
        return self.object(key)

    def object(self, key: str, *, prefix: bool = False) -> Object:
        lot = key.split("/", maxsplit=1)[0].partition("=")[2]
        return Object(lot, self.root, key, prefix)

    def input(self, *now: Object, former: tuple[Object, ...] = (), lots: tuple[str, ...] = ()) -> Input:
        """What a run reads that reads these objects."""
        return Input(now, former, tuple(f"{self.root}lot={one}/" for one in lots or sorted({o.lot for o in now if o.lot})))


class TestIceberg(unittest.TestCase):
    """Each test has a table of its own."""

    stack: ClassVar[ExitStack]
    url: ClassVar[str]
    work: ClassVar[Path]
    number = 0

    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = ExitStack()
        cls.work = Path(cls.stack.enter_context(tempfile.TemporaryDirectory()))
        cls.url = cls.stack.enter_context(iceberg(f"file://{cls.work}/warehouse"))
        cls.stack.enter_context(mock.patch.dict("os.environ", {"PYICEBERG_CATALOG__TESTS__URI": cls.url}))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.stack.close()

    def setUp(self) -> None:
        TestIceberg.number += 1
        self.name = f"t{TestIceberg.number}"
        self.lake = Lake(self.work / self.name)
        self.catalog: Catalog = RestCatalog("tests", uri=self.url)

    def add(self, given: Input, params: Mapping[str, Any] | None = None, lot: str = "L", attempt: str = "1") -> tuple[list[str], str]:
        by = {"trunkline.workload": "shop/table", "trunkline.lot": lot, "trunkline.attempt": attempt}
        return add_files(given, Work(parse_table(f"iceberg://tests/shop/{self.name}"), parse_params(params or {"create": {}}), by))

    def rows(self, columns: str = "n") -> list[Any]:
        """The rows as DuckDB has them, which has to have those that the client of Iceberg has."""
        with duckdb.connect() as db:
            for extension in EXTENSIONS:
                module = __import__(f"duckdb_extension_{extension}")
                db.execute(f"LOAD '{next(Path(module.__path__[0]).rglob('*.duckdb_extension'))}'")
            db.execute(f"ATTACH 'tests' AS c (TYPE iceberg, ENDPOINT '{self.url}', AUTHORIZATION_TYPE 'none')")
            found = db.execute(f"SELECT {columns} FROM c.shop.{self.name} ORDER BY ALL").fetchall()
        own = self.catalog.load_table(("shop", self.name)).scan().to_arrow()
        self.assertEqual(Counter(own.column("n").to_pylist()), Counter(row[0] for row in found), "readers differ")
        return [row[0] if len(row) == 1 else row for row in found]

    def refuse(self, given: Input, want: str, params: Mapping[str, Any] | None = None) -> None:
        with self.assertRaises(CatalogError) as raised:
            self.add(given, params)
        self.assertIn(want, str(raised.exception))

    def snapshots(self) -> list[Any]:
        return list(self.catalog.load_table(("shop", self.name)).metadata.snapshots)

    def test_lots_are_seen_once(self) -> None:
        """Lots are added, once each; one that was made again is replaced, and one that is empty now is gone."""
        first = self.lake.put("lot=A/attempt=1/a.parquet", n=[1, 2], s=["x", None])
        second = self.lake.put("lot=B/attempt=1/b.parquet", n=[3], s=["z"])
        listed, told = self.add(self.lake.input(first))
        self.assertEqual(told, "1 files added, 0 removed, 0 as they were")
        self.assertEqual(self.add(self.lake.input(second), lot="B")[1], "1 files added, 0 removed, 0 as they were")
        self.assertEqual(self.rows(), [1, 2, 3])
        again, told = self.add(self.lake.input(first))
        self.assertEqual((again, told), (listed, "0 files added, 0 removed, 1 as they were"), "a run again adds nothing, and says the same")
        self.assertEqual(len(self.snapshots()), 2)

        one = self.lake.put("lot=A/attempt=2/a.parquet", n=[10], s=["x"])
        two = self.lake.put("lot=A/attempt=2/b.parquet", n=[20], s=["y"])
        listed, told = self.add(self.lake.input(one, two), attempt="2")
        self.assertEqual(told, "2 files added, 1 removed, 0 as they were")
        self.assertEqual(self.rows(), [3, 10, 20], "the other lot stays, and of this one the new attempt is seen")
        last = self.snapshots()[-1]
        self.assertEqual(listed, [f"iceberg://tests/shop/{self.name}/snapshot={last.snapshot_id}"])
        self.assertEqual(
            {k: last.summary[k] for k in ("trunkline.lot", "trunkline.attempt", "added-data-files", "deleted-data-files")},
            {"trunkline.lot": "L", "trunkline.attempt": "2", "added-data-files": "2", "deleted-data-files": "1"},
            "both are in one snapshot, which says of what it is",
        )
        self.assertEqual(self.add(self.lake.input(one, two), attempt="3")[1], "0 files added, 0 removed, 2 as they were")
        self.assertEqual(self.add(self.lake.input(lots=("A",))), ([], "0 files added, 2 removed, 0 as they were"))
        self.assertEqual(self.rows(), [3])

    def test_what_others_have_added_stays(self) -> None:
        """Files of lots whose names begin alike, and of nobody, are not touched."""
        others = [self.lake.put(f"{at}/a.parquet", n=[i]) for i, at in enumerate(("lot=A1/attempt=1", "lot=/attempt=1", "loose"))]
        self.add(Input(others, []))
        self.add(self.lake.input(self.lake.put("lot=A/attempt=1/a.parquet", n=[10])))
        self.add(self.lake.input(self.lake.put("lot=A/attempt=2/a.parquet", n=[11])))
        self.assertEqual(self.rows(), [0, 1, 2, 11])

    def test_former(self) -> None:
        """What lies in no folder of its lot is replaced by what retired manifests listed: objects, or how they begin."""
        old = self.lake.put("2026/old.parquet", n=[1])
        more = self.lake.put("2026/more/old.parquet", n=[2])
        other = self.lake.put("2026/other.parquet", n=[3])
        self.add(Input([old, more, other], []))
        new = self.lake.put("2026/new.parquet", n=[4])
        former = (self.lake.object("2026/old.parquet"), self.lake.object("2026/more/", prefix=True))
        self.assertEqual(self.add(self.lake.input(new, former=former))[1], "1 files added, 2 removed, 0 as they were")
        self.assertEqual(self.rows(), [3, 4])
        self.assertEqual(self.add(self.lake.input(new, former=(*former, new)))[1], "0 files added, 0 removed, 1 as they were")

    def compact(self, operation: Operation) -> None:
        """Has all files of the table put together into one for each partition, as engines do."""
        table = self.catalog.load_table(("shop", self.name))
        files = [listed.file for listed in files_of(table).values()]

        def naming(real: Callable[..., Any]) -> Callable[..., Any]:
            def commit(catalog: Any, of: Any, requirements: Any, updates: Any) -> Any:
                def named(u: Any) -> Any:
                    if not isinstance(u, AddSnapshotUpdate) or u.snapshot.summary is None:
                        return u
                    summary = Summary(operation, **u.snapshot.summary.additional_properties)
                    return u.model_copy(update={"snapshot": u.snapshot.model_copy(update={"summary": summary})})

                return real(catalog, of, requirements, tuple(named(u) for u in updates))

            return commit

        with self.commits(naming), table.transaction() as transaction, transaction.update_snapshot().overwrite() as snapshot:
            for file in files:
                snapshot.delete_data_file(file)
            lots = {f.file_path.partition("lot=")[2].partition("/")[0] for f in files}
            for lot in sorted(lots) if table.spec().fields else [""]:
                of = [f.file_path.removeprefix("file://") for f in files if f"lot={lot}" in f.file_path]
                rows = pa.concat_tables(pq.read_table(path, partitioning=None) for path in of)
                at = Path(table.location().removeprefix("file://"), "data", f"lot={lot}" if lot else "", "compacted.parquet")
                at.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(rows.append_column("lot", pa.array([lot] * len(rows))) if lot else rows, at)
                snapshot.append_data_file(parquet_file_to_data_file(table.io, table.metadata, f"file://{at}"))

    def test_compacted(self) -> None:
        """Rows are there once, also if the files of lots were put together: by lots, or else it is refused."""
        for name, params, operation in (
            ("by lot", {"create": {"partitions": {"lot": "string"}}}, Operation.REPLACE),
            ("mixed", {"create": {}}, Operation.REPLACE),
            ("updated", {"create": {}}, Operation.OVERWRITE),
        ):
            with self.subTest(name):
                self.setUp()
                one = self.lake.put("lot=A/attempt=1/a.parquet", n=[1])
                self.add(self.lake.input(one), params)
                self.add(self.lake.input(self.lake.put("lot=B/attempt=1/a.parquet", n=[2])), params)
                self.compact(operation)
                self.assertEqual(self.rows(), [1, 2])
                again = self.lake.input(self.lake.put("lot=A/attempt=2/a.parquet", n=[10]))
                if name == "by lot":
                    self.add(again, params)
                    self.assertEqual(self.rows("n, lot"), [(2, "B"), (10, "A")])
                else:
                    self.refuse(self.lake.input(one), "its rows are among those of other lots now", params)
                    self.refuse(again, "its rows are among those of other lots now", params)
                    self.assertEqual(self.rows(), [1, 2])
                self.add(self.lake.input(self.lake.put("lot=C/attempt=1/a.parquet", n=[3])), params)
                self.assertEqual(len(self.rows()), 3, "lots that are new are added in any case")

    def test_statistics(self) -> None:
        """Readers skip files by what the table says of them."""
        self.add(self.lake.input(self.lake.put("lot=A/attempt=1/a.parquet", n=[5, 7, None], s=["b", "a", "c"])))
        table = self.catalog.load_table(("shop", self.name))
        file = next(iter(files_of(table).values())).file
        self.assertEqual((file.record_count, file.null_value_counts[1]), (3, 1))
        self.assertEqual(file.file_size_in_bytes, (self.lake.folder / "lot=A/attempt=1/a.parquet").stat().st_size)
        self.assertEqual([int.from_bytes(b[1], "little") for b in (file.lower_bounds, file.upper_bounds)], [5, 7])
        self.assertEqual((file.lower_bounds[2], file.upper_bounds[2]), (b"a", b"c"))
        self.assertEqual(len(list(table.scan(row_filter="n > 7").plan_files())), 0)
        self.assertEqual(len(list(table.scan(row_filter="n > 6").plan_files())), 1)

    def test_partitions(self) -> None:
        """A column that is a folder, and one that is in the file."""
        create = {"create": {"partitions": {"day": "date", "kind": "string"}}}
        a = self.lake.put("lot=A/attempt=1/day=2026-01-02/a.parquet", n=[1], kind=["x"])
        b = self.lake.put("lot=A/attempt=1/day=__HIVE_DEFAULT_PARTITION__/b.parquet", n=[2], kind=["y/z"])
        self.add(self.lake.input(a, b), create)
        self.assertEqual(self.rows("n, CAST(day AS VARCHAR), kind"), [(1, "2026-01-02", "x"), (2, None, "y/z")])
        table = self.catalog.load_table(("shop", self.name))
        self.assertEqual(len(list(table.scan(row_filter="day = '2026-01-02'").plan_files())), 1)
        self.refuse(self.lake.input(self.lake.put("lot=B/attempt=1/a.parquet", n=[1], kind=["x"])), "the table is partitioned by day")
        bad = self.lake.put("lot=C/attempt=1/day=soon/a.parquet", n=[1], kind=["x"])
        self.refuse(self.lake.input(bad), "day is 'soon', which is no date")
        mixed = self.lake.put("lot=D/attempt=1/day=2026-01-02/a.parquet", n=[1, 2], kind=["x", "y"])
        self.refuse(self.lake.input(mixed), "more than one partition value")
        self.assertEqual(len(self.snapshots()), 1, "nothing of what is refused is there")

    def test_transforms(self) -> None:
        """The table of others: a day of a time, of which each file has to have one."""
        schema = Schema(NestedField(1, "n", LongType()), NestedField(2, "at", TimestampType()), NestedField(3, "more", LongType()))
        self.catalog.create_namespace_if_not_exists("shop")
        spec = PartitionSpec(PartitionField(2, 1000, DayTransform(), "at_day"))
        self.catalog.create_table(("shop", self.name), schema, partition_spec=spec)
        at = pa.array([1_767_225_600_000_000, 1_767_225_600_000_001], pa.timestamp("us"))
        self.add(self.lake.input(self.lake.put("lot=A/attempt=1/a.parquet", n=[1, 2], at=at)), {})
        self.assertEqual(self.rows("n, more"), [(1, None), (2, None)])
        late = pa.array([1_767_225_600_000_000, 1_767_312_000_000_000], pa.timestamp("us"))
        self.refuse(self.lake.input(self.lake.put("lot=B/attempt=1/a.parquet", n=[1, 2], at=late)), "more than one partition value", {})

    def test_refused(self) -> None:
        """What does not fit is an error that says why, and nothing of the lot is added."""
        good = self.lake.put("lot=A/attempt=1/good.parquet", n=[1])
        self.refuse(self.lake.input(good), f"there is no table iceberg://tests/shop/{self.name}", {"partitionResults": "all"})
        self.add(self.lake.input(good))
        ids = pa.schema([pa.field("n", pa.int64(), metadata={"PARQUET:field_id": "9"})])
        for name, columns, want in (
            ("type", {"n": ["x"]}, "does not fit the table"),
            ("more", {"n": [1], "extra": [1]}, "extra"),
            ("numbers", pa.table({"n": [1]}, ids), "its column n has the number 9, and in the table 1"),
            ("odd?name", {"n": [1]}, "call it otherwise"),
        ):
            with self.subTest(name):
                key = f"lot=B/attempt=1/{name}.parquet"
                self.lake.put(key, n=[1])
                pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), self.lake.folder / key)
                self.refuse(self.lake.input(self.lake.object(key), self.lake.put("lot=B/attempt=1/good.parquet", n=[2])), want)
        (self.lake.folder / "lot=B/attempt=1/x.csv").write_text("n\n1\n")
        self.refuse(self.lake.input(self.lake.object("lot=B/attempt=1/x.csv")), "x.csv does not fit the table")
        self.refuse(self.lake.input(self.lake.object("lot=B/attempt=1/gone.parquet")), "gone.parquet does not fit the table")
        self.assertEqual(self.rows(), [1])
        with mock.patch.dict("os.environ", clear=True):
            self.refuse(self.lake.input(good), "set PYICEBERG_CATALOG__TESTS__URI")

    def test_nothing_to_list(self) -> None:
        one = self.lake.put("lot=A/attempt=1/a.parquet", n=[1])
        self.assertEqual(self.add(self.lake.input(lots=("A",))), ([], "there is no table, and nothing that would be in it"))
        self.assertEqual(self.add(self.lake.input(one), {"create": {}, "partitionResults": "none"})[0], [])

    def test_at_once(self) -> None:
        """Eight lots of one table are added at once, each by two runs, as if one that was given up were still there."""
        lots = [self.lake.put(f"lot={i}/attempt=1/a.parquet", n=[i]) for i in range(8)]
        with ThreadPoolExecutor(16) as pool:
            done = list(pool.map(lambda o: self.add(self.lake.input(o), lot=o.lot), [*lots, *lots]))
        self.assertEqual(self.rows(), list(range(8)))
        self.assertEqual(
            sorted(told for _, told in done),
            ["0 files added, 0 removed, 1 as they were"] * 8 + ["1 files added, 0 removed, 0 as they were"] * 8,
        )
        self.assertEqual(len(self.snapshots()), 8)

    def commits(self, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Any:
        return mock.patch.object(RestCatalog, "commit_table", change(RestCatalog.commit_table))

    def test_lost_answers(self) -> None:
        """A commit of which nobody knows whether it was done is looked for, and not done twice."""
        one = self.lake.put("lot=A/attempt=1/a.parquet", n=[1])
        self.add(self.lake.input(one))
        lost: list[Any] = []

        def losing(real: Callable[..., Any]) -> Callable[..., Any]:
            def commit(*args: Any, **named: Any) -> Any:
                answer = real(*args, **named)
                if not lost:
                    lost.append(answer)
                    raise CommitStateUnknownException("the answer was lost")
                return answer

            return commit

        with self.commits(losing), mock.patch.object(program, "LONGEST_WAIT", 0):
            self.add(self.lake.input(self.lake.put("lot=A/attempt=2/a.parquet", n=[2])), attempt="2")
        self.assertEqual((len(lost), self.rows(), len(self.snapshots())), (1, [2], 2))

    def test_bounded(self) -> None:
        """A table that others change all the time is given up."""
        tried: list[int] = []

        def failing(_: Callable[..., Any]) -> Callable[..., Any]:
            def commit(*_: Any, **__: Any) -> Any:
                tried.append(1)
                raise CommitFailedException("someone was faster")

            return commit

        one = self.lake.put("lot=A/attempt=1/a.parquet", n=[1])
        self.add(self.lake.input(one))
        with self.commits(failing), mock.patch.object(program, "LONGEST_WAIT", 0):
            self.refuse(self.lake.input(self.lake.put("lot=B/attempt=1/a.parquet", n=[2])), f"it was tried {program.TRIES} times")
        self.assertEqual(len(tried), program.TRIES)
        self.assertEqual(self.rows(), [1])


if __name__ == "__main__":
    unittest.main()
