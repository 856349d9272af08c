# SPDX-License-Identifier: Apache-2.0

"""Adds partitions to tables of AWS Glue, as moto has it."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import boto3

sys.path.insert(0, str(Path(__file__).parent))
from servers import aws

from trunkline_catalog.__main__ import chosen
from trunkline_catalog.glue import add_partitions
from trunkline_catalog.objects import Input, Object
from trunkline_catalog.params import CatalogError, Work, parse_params, parse_table

ROOT = "s3://lake/orders/"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def objects(*keys: str) -> list[Object]:
    """Objects by their keys; what begins with "lot=" is of that lot."""
    return [Object(k.split("/")[0].partition("=")[2] if k.startswith("lot=") else "L", ROOT, k) for k in keys]


def given(*keys: str, former: tuple[str, ...] = (), lots: tuple[str, ...] = ()) -> Input:
    """What a run reads."""
    now = objects(*keys)
    return Input(now, objects(*former), tuple(f"{ROOT}lot={one}/" for one in lots or sorted({o.lot for o in now})))


class TestGlue(unittest.TestCase):
    """Each test has a table of its own."""

    stack: ClassVar[ExitStack]
    glue: ClassVar[Any]
    number = 0

    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = ExitStack()
        cls.stack.enter_context(mock.patch.dict("os.environ", ENVIRONMENT | {"AWS_ENDPOINT_URL_GLUE": cls.stack.enter_context(aws())}))
        cls.glue = boto3.client("glue")
        cls.glue.create_database(DatabaseInput={"Name": "shop"})

    @classmethod
    def tearDownClass(cls) -> None:
        cls.stack.close()

    def table(self, *keys: str) -> None:
        TestGlue.number += 1
        self.of = {"DatabaseName": "shop", "TableName": f"t{TestGlue.number}"}
        stored = {
            "Location": ROOT,
            "Columns": [{"Name": "n", "Type": "bigint"}],
            "InputFormat": "parquet",
            "SerdeInfo": {"SerializationLibrary": "x"},
        }
        table = {"Name": self.of["TableName"], "PartitionKeys": [{"Name": k, "Type": "string"} for k in keys], "StorageDescriptor": stored}
        self.glue.create_table(DatabaseName="shop", TableInput=table)

    def add(self, what: Input, params: Mapping[str, Any] | None = None, lot: str = "L", attempt: str = "1", client: Any = None) -> Any:
        by = {"trunkline.workload": "shop/table", "trunkline.lot": lot, "trunkline.attempt": attempt}
        work = Work(parse_table(f"glue:///shop/{self.of['TableName']}"), parse_params(params or {}), by)
        listed, told = add_partitions(what, work, client)
        return [uri.removeprefix(f"glue:///shop/{self.of['TableName']}/") for uri in listed], told

    def partitions(self) -> dict[str, str]:
        """Where partitions are."""
        pages = self.glue.get_paginator("get_partitions").paginate(**self.of)
        return {"/".join(p["Values"]): p["StorageDescriptor"]["Location"].removeprefix(ROOT) for page in pages for p in page["Partitions"]}

    def refuse(self, what: Input, want: str, params: Mapping[str, Any] | None = None) -> None:
        before = self.partitions()
        with self.assertRaises(CatalogError) as raised:
            self.add(what, params)
        self.assertIn(want, str(raised.exception))
        self.assertEqual(self.partitions(), before, "nothing is changed")

    def test_lots(self) -> None:
        """A lot is added once, replaced once it was made again, and what it has no more is dropped."""
        self.table("lot", "day")
        first = given("lot=A/attempt=1/day=1/a", "lot=A/attempt=1/day=1/sub/b", "lot=A/attempt=1/day=2/a")
        want = {"A/1": "lot=A/attempt=1/day=1/", "A/2": "lot=A/attempt=1/day=2/"}
        self.assertEqual(self.add(first), (["A/1", "A/2"], "2 partitions added, 0 changed, 0 dropped, 0 as they were"))
        self.assertEqual(self.partitions(), want)
        self.assertEqual(self.add(first, attempt="9"), (["A/1", "A/2"], "0 partitions added, 0 changed, 0 dropped, 2 as they were"))
        self.add(given("lot=B/attempt=7/day=1/a"), lot="B")
        again = given("lot=A/attempt=2/day=1/a", "lot=A/attempt=2/day=3/a", former=("lot=A/attempt=1/day=1/a", "lot=A/attempt=1/day=2/a"))
        want = {"A/1": "lot=A/attempt=2/day=1/", "A/3": "lot=A/attempt=2/day=3/", "B/1": "lot=B/attempt=7/day=1/"}
        self.assertEqual(self.add(again, attempt="2"), (["A/1", "A/3"], "1 partitions added, 1 changed, 1 dropped, 0 as they were"))
        self.assertEqual(self.partitions(), want)
        self.assertEqual(self.add(again, attempt="3"), (["A/1", "A/3"], "0 partitions added, 0 changed, 0 dropped, 2 as they were"))
        gone = given(lots=("A",), former=("lot=A/attempt=2/day=1/a", "lot=A/attempt=2/day=3/a", "lot=A/attempt=1/day=2/a"))
        self.assertEqual(self.add(gone), ([], "0 partitions added, 0 changed, 2 dropped, 0 as they were"))
        self.assertEqual(self.partitions(), {"B/1": "lot=B/attempt=7/day=1/"})

    def test_what_is_of_others_stays(self) -> None:
        """A partition that a lot had before, and another one has now, is not dropped."""
        self.table("day")
        self.add(given("lot=B/attempt=1/day=1/a"), lot="B")
        self.add(given("lot=A/attempt=2/day=2/a", former=("lot=A/attempt=1/day=1/a",)))
        self.assertEqual(self.partitions(), {"1": "lot=B/attempt=1/day=1/", "2": "lot=A/attempt=2/day=2/"})

    def test_what_is_said_of_a_partition(self) -> None:
        """It is stored as the table is, and says of what it is."""
        self.table("lot")
        self.add(given("lot=A/attempt=1/a"), lot="M", attempt="4")
        found = self.glue.get_partition(**self.of, PartitionValues=["A"])["Partition"]
        self.assertEqual(found["StorageDescriptor"]["SerdeInfo"], {"SerializationLibrary": "x"})
        self.assertEqual(found["StorageDescriptor"]["Columns"], [{"Name": "n", "Type": "bigint"}])
        marks = {"trunkline.workload": "shop/table", "trunkline.lot": "M", "trunkline.attempt": "4", "trunkline.read": "A"}
        self.assertEqual(found["Parameters"], marks)

    def test_paths(self) -> None:
        """Values are in the paths of objects, by the names of folders or by their order."""
        for keys, params, path, want in (
            (("day",), {}, "day=2026-01-01/a", {"2026-01-01": "day=2026-01-01/"}),
            (("Day",), {}, "DAY=1/a", {"1": "DAY=1/"}),
            (("day", "hour"), {}, "x/hour=2/day=1/y=3/a", {"1/2": "x/hour=2/day=1/"}),
            (("day",), {"namedPartitionDelimiter": "-"}, "day-2026-01-01/a", {"2026-01-01": "day-2026-01-01/"}),
            (("day",), {}, "day=a%2Fb%25/a", {"a/b%": "day=a%2Fb%25/"}),
            (("day", "hour"), {"partitionType": "value"}, "2026-01-01/05/more/a", {"2026-01-01/05": "2026-01-01/05/"}),
            (("day", "lot"), {"partitionType": "value"}, "lot=A/attempt=1/x/more/a", {"x/A": "lot=A/attempt=1/x/"}),
            (("lot",), {"partitionType": "value"}, "lot=A/attempt=1/x/a", {"A": "lot=A/attempt=1/"}),
            (("lot",), {"namedPartitionDelimiter": ":"}, "lot=A/attempt=1/x/a", {"A": "lot=A/attempt=1/"}),
            (("lot",), {"partitionType": "value"}, "other/x/a", {"other": "other/"}),
        ):
            with self.subTest(path):
                self.table(*keys)
                self.add(given(path), params)
                self.assertEqual(self.partitions(), want)

    def test_refused(self) -> None:
        """What is not in the path, or would be in two folders, is an error, and nothing is changed."""
        self.table("day", "hour")
        self.refuse(
            given("day=1/hour=1/a", "day=2/a"),
            '/day=2/a has no folder such as "hour=…", and the table is partitioned by day, hour',
        )
        self.refuse(given("1/a"), "lies in no folder for hour", {"partitionType": "value"})
        self.refuse(given("day=1/hour=1/a", "x/day=1/hour=1/a"), "the partition 1/1 would be in two folders")
        self.refuse(given("day=1/day=2/hour=1/a"), "two of its folders are called day")
        self.add(given("lot=A/attempt=1/day=1/hour=1/a"))
        self.refuse(
            given("lot=B/attempt=1/day=1/hour=1/a"),
            "not of the lot B, and a partition is in one folder: partition",
        )
        self.refuse(given("lot=A1/attempt=1/day=1/hour=1/a"), "which is not of the lot A1")
        self.table()
        self.refuse(given("a"), "is partitioned by nothing")
        self.of["TableName"] = "none"
        with self.assertRaisesRegex(CatalogError, "there is no table glue:///shop/none: make it"):
            self.add(given("a"))

    def test_results(self) -> None:
        """A partition that is there already is tolerated. What was added is listed, or all, or nothing."""
        self.table("day")
        self.add(given("day=1/a"), lot="other")
        both = given("day=1/a", "day=2/a")
        self.assertEqual(self.add(both)[0], ["2"])
        self.assertEqual(self.add(both)[0], ["2"], "what an attempt has added before is what the lot added")
        self.assertEqual(self.add(both, {"partitionResults": "all"})[0], ["1", "2"])
        self.assertEqual(self.add(both, {"partitionResults": "none"})[0], [])
        self.assertEqual(
            self.add(given("day=2026-01-01 10%3A00/a", "day=a%2Fb/a"), {"partitionResults": "all"})[0], ["2026-01-01%2010:00", "a%252Fb"]
        )

    def test_batches(self) -> None:
        """Glue accepts a hundred at a time."""
        self.table("lot", "n")
        keys = [f"lot=A/attempt=1/n={i}/a" for i in range(250)]
        client = mock.Mock(wraps=self.glue, exceptions=self.glue.exceptions)
        self.add(given(*keys), client=client)
        self.assertEqual([len(c.kwargs["PartitionInputList"]) for c in client.batch_create_partition.call_args_list], [100, 100, 50])
        self.assertEqual(len(self.partitions()), 250)
        client.reset_mock()
        again = [k.replace("attempt=1", "attempt=2") for k in keys[:150]]
        self.add(given(*again, former=tuple(keys)), client=client)
        self.assertEqual([len(c.kwargs["Entries"]) for c in client.batch_update_partition.call_args_list], [100, 50])
        self.assertEqual([len(c.kwargs["PartitionsToDelete"]) for c in client.batch_delete_partition.call_args_list], [25, 25, 25, 25])
        self.assertEqual(self.partitions(), {f"A/{i}": f"lot=A/attempt=2/n={i}/" for i in range(150)})
        self.assertEqual(client.get_paginator.call_count, 0, "no request looks at all partitions")

    def test_others_meanwhile(self) -> None:
        """What another one adds after it was looked is looked at again; a folder of another lot is then refused."""
        self.table("day")
        for there, want in (("day=1/", None), ("lot=Z/attempt=1/day=1/", "which is not of the lot")):
            with self.subTest(there):
                self.table("day")
                client = mock.Mock(wraps=self.glue, exceptions=self.glue.exceptions)

                def race(there: str = there, client: Any = client, **asked: Any) -> Any:
                    client.batch_create_partition.side_effect = None
                    self.glue.create_partition(**self.of, PartitionInput={"Values": ["1"], "StorageDescriptor": {"Location": ROOT + there}})
                    return self.glue.batch_create_partition(**asked)

                client.batch_create_partition.side_effect = race
                if want:
                    with self.assertRaisesRegex(CatalogError, want):
                        self.add(given("day=1/a", "day=2/a"), client=client)
                else:
                    self.assertEqual(self.add(given("day=1/a", "day=2/a"), client=client)[0], ["2"])
                self.assertEqual(self.partitions(), {"1": there, "2": "day=2/"})

    def test_failures(self) -> None:
        """What Glue says of a partition is told."""
        self.table("day")
        client = mock.Mock(wraps=self.glue, exceptions=self.glue.exceptions)
        detail = {"ErrorCode": "InternalServiceException", "ErrorMessage": "out of order"}
        client.batch_create_partition.side_effect = [{"Errors": [{"PartitionValues": ["1"], "ErrorDetail": detail}]}]
        with self.assertRaisesRegex(CatalogError, "the partition 1: out of order"):
            self.add(given("day=1/a"), client=client)

    def test_prefixes(self) -> None:
        """Of lots of which only folders were listed, all partitions that lie there are theirs."""
        self.table("day")
        self.add(given("v1/day=1/a", "v1/day=2/a", "v10/day=3/a"))
        what = Input(objects("v2/day=1/a"), [Object("L", ROOT, "v1/", prefix=True)])
        self.assertEqual(self.add(what)[1], "0 partitions added, 1 changed, 1 dropped, 0 as they were")
        self.assertEqual(self.partitions(), {"1": "v2/day=1/", "3": "v10/day=3/"})


class TestParams(unittest.TestCase):
    """What is declared is checked again, for who starts it by hand."""

    def test_refused(self) -> None:
        for params, want in (
            ({"partitionType": "path"}, "want one of: named, value"),
            ({"partitionResults": "some"}, "want one of: none, all, added"),
            ({"namedPartitionDelimiter": ""}, "namedPartitionDelimiter is empty"),
            ({"create": {"partitions": {"day": "text"}}}, "create.partitions.day is 'text'; want one of"),
        ):
            with self.subTest(want), self.assertRaisesRegex(CatalogError, want):
                parse_params(params)
        for address in ("s3://lake/a/b/", "glue:///a", "iceberg://x/a//b"):
            with self.subTest(address), self.assertRaisesRegex(CatalogError, "which is no table"):
                parse_table(address)
        self.assertTrue(parse_table("glue:///trunkline-previews/acme/pr-7/shop/orders").preview)
        self.assertTrue(parse_table("iceberg://prod/space/trunkline-previews/acme/pr-7/shop/orders").preview)
        self.assertFalse(parse_table("iceberg://prod/space/shop/orders").preview)

    def test_roles(self) -> None:
        for roles, name, want in (
            ("a", "", "a"),
            ("a main", "", "main"),
            ("b_c main", "b-c", "b_c"),
            ("a b", "", None),
            ("a", "b", None),
            ("", "", None),
        ):
            with self.subTest(roles):
                if want:
                    self.assertEqual(chosen(dict.fromkeys(roles.split()), name, "reads"), want)
                else:
                    self.assertRaisesRegex(
                        CatalogError, "the workload reads nothing as", chosen, dict.fromkeys(roles.split()), name, "reads"
                    )


if __name__ == "__main__":
    unittest.main()
