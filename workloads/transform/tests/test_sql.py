# SPDX-License-Identifier: Apache-2.0

"""What is written, from what is read and declared."""

from __future__ import annotations

import gzip
import tempfile
import unittest
from pathlib import Path
from typing import Any

import duckdb

from trunkline_transform.params import TransformError, parse_params
from trunkline_transform.writing import run_sql, told

LOT = {"lot": "20260101P1D000", "lot_start": "2026-01-01T00:00:00Z", "lot_end": "2026-01-02T00:00:00Z"}
PART = "part-20260101P1D000"


class Case(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)

    def run_sql(self, params: dict[str, Any], inputs: dict[str, dict[str, str | bytes]]) -> dict[str, bytes]:
        tables: dict[str, list[Path]] = {}
        for i, (role, files) in enumerate(inputs.items()):
            tables[role] = []
            for name, content in files.items():
                path = self.work / "in" / str(i) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
                tables[role].append(path)
        rows = run_sql(parse_params(params), tables, LOT, self.work)
        self.assertIsInstance(rows, int)
        out = self.work / "out"
        return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}

    def fails(self, params: dict[str, Any], inputs: dict[str, dict[str, str | bytes]]) -> str:
        with self.assertRaises((TransformError, duckdb.Error)) as caught:
            self.run_sql(params, inputs)
        return told(caught.exception, self.work, list(inputs))


class TestFormats(Case):
    """Every format is read and written."""

    def test_csv_is_text_where_no_type_is_declared(self) -> None:
        got = self.run_sql(
            {
                "input": {"format": "csv", "columns": {"n": "INTEGER"}},
                "sql": "SELECT n + 1 AS n, code FROM main",
                "output": {"format": "csv"},
            },
            {"main": {"a.csv": "code,n\n007,1\n"}},
        )
        self.assertEqual({f"{PART}.csv": b"n,code\n2,007\n"}, got)

    def test_columns_are_found_by_name_in_each_file(self) -> None:
        got = self.run_sql(
            {"input": {"format": "csv"}, "output": {"format": "tsv"}},
            {"main": {"a.csv": "a,b\n1,x\n", "b.csv": 'b,a,c\n"y, ""z""",2,new\n', "empty.csv": ""}},
        )
        self.assertEqual({f"{PART}.tsv": b'a\tb\tc\n1\tx\t\n2\t"y, ""z"""\tnew\n'}, got)

    def test_tsv_without_a_header(self) -> None:
        got = self.run_sql(
            {
                "input": {"format": "tsv", "header": False, "columns": {"a": "INTEGER", "b": "VARCHAR"}},
                "output": {"format": "csv", "header": False, "delimiter": ";"},
            },
            {"main": {"a.tsv": "1\tx\n"}},
        )
        self.assertEqual({f"{PART}.csv": b"1;x\n"}, got)

    def test_json_of_lines_and_of_lists(self) -> None:
        got = self.run_sql(
            {"input": {"format": "json"}, "output": {"format": "json"}, "sql": "SELECT a, b.c AS c FROM main ORDER BY a"},
            {"main": {"a.json": '{"a":1,"b":{"c":"x"}}\n{"a":2}\n', "b.json": '[{"a":3}]'}},
        )
        self.assertEqual({f"{PART}.json": b'{"a":1,"c":"x"}\n{"a":2,"c":null}\n{"a":3,"c":null}\n'}, got)

    def test_text_by_a_pattern(self) -> None:
        got = self.run_sql(
            {
                "input": {"format": "text", "pattern": r"(?P<level>[A-Z]+) (?P<n>\d+)", "columns": {"n": "INTEGER"}},
                "sql": "SELECT level || ' ' || (n + 1) FROM main",
                "output": {"format": "text", "compression": "gzip"},
            },
            {"main": {"a.log": "WARN 1\nINFO 22\n"}},
        )
        self.assertEqual([f"{PART}.txt.gz"], list(got))
        self.assertEqual(b"WARN 2\nINFO 23\n", gzip.decompress(got[f"{PART}.txt.gz"]))

    def test_text_without_one_is_lines_as_they_are(self) -> None:
        line = "a, \"b\\ 'c' \t| é\n"
        self.assertEqual(
            {f"{PART}.txt": line.encode()}, self.run_sql({"input": {"format": "text"}, "output": {"format": "text"}}, {"main": {"a": line}})
        )

    def test_parquet_by_partitions(self) -> None:
        for compression, codec in {"snappy": "SNAPPY", "gzip": "GZIP", "zstd": "ZSTD", "none": "UNCOMPRESSED", None: "ZSTD"}.items():
            with self.subTest(compression):
                self.setUp()
                output = {"partitionBy": ["day", "kind"], "filename": "{lot}.x"} | ({"compression": compression} if compression else {})
                self.run_sql(
                    {"input": {"format": "csv", "columns": {"day": "DATE", "n": "DECIMAL(9,2)"}}, "output": output},
                    {"main": {"a.csv": "day,kind,n\n2026-01-01,a,1\n2026-01-02,a,2\n2026-01-01,a,3\n2026-01-01,b/c,4\n"}},
                )
                files = sorted(str(p.relative_to(self.work / "out")) for p in (self.work / "out").rglob("*.parquet"))
                want = [f"day={d}/20260101P1D000.x-0.parquet" for d in ("2026-01-01/kind=a", "2026-01-01/kind=b%2Fc", "2026-01-02/kind=a")]
                self.assertEqual(want, files)
                path = f"{self.work}/out/{files[0]}"
                self.assertEqual(
                    [("1.00",), ("3.00",)], duckdb.sql(f"SELECT CAST(n AS VARCHAR) FROM read_parquet('{path}') ORDER BY n").fetchall()
                )
                self.assertEqual([(codec,)], duckdb.sql(f"SELECT DISTINCT compression FROM parquet_metadata('{path}')").fetchall())

    def test_compressed_inputs(self) -> None:
        got = self.run_sql({"input": {"format": "csv"}, "output": {"format": "csv"}}, {"main": {"a.csv.gz": gzip.compress(b"a\n1\n")}})
        self.assertEqual({f"{PART}.csv": b"a\n1\n"}, got)
        packed = {"input": {"format": "csv"}, "output": {"format": "csv", "compression": "zstd"}}
        self.setUp()
        zst = self.run_sql(packed, {"main": {"a.csv": "a\n1\n"}})[f"{PART}.csv.zst"]
        self.setUp()
        self.assertEqual(
            {f"{PART}.csv": b"a\n1\n"},
            self.run_sql({"input": {"format": "csv"}, "output": {"format": "csv"}}, {"main": {"a.csv.zst": zst}}),
        )


class TestTables(Case):
    """What SQL finds."""

    def test_roles_are_tables_and_lots_are_variables(self) -> None:
        got = self.run_sql(
            {
                "inputs": {
                    "main": {"format": "csv"},
                    "by-hand": {"format": "json"},
                    "none": {"format": "csv", "columns": {"a": "VARCHAR"}},
                },
                "sql": """SELECT a, b, getvariable('lot') AS lot, getvariable('lot_end') - getvariable('lot_start') AS long
                FROM main JOIN "by-hand" USING (a) ANTI JOIN none USING (a)""",
                "output": {"format": "csv"},
            },
            {"main": {"a.csv": "a\n1\n"}, "by-hand": {"a.json": '{"a":"1","b":2}'}, "none": {}},
        )
        self.assertEqual({f"{PART}.csv": b"a,b,lot,long\n1,2,20260101P1D000,1 day\n"}, got)

    def test_names_that_stand_for_others_elsewhere_do_not_here(self) -> None:
        files: dict[str, str | bytes] = {"a[1]*?.csv": "a\n1\n", "it's.csv": "a\n2\n"}
        got = self.run_sql({"input": {"format": "csv"}, "output": {"format": "csv"}}, {"main": files})
        self.assertEqual({f"{PART}.csv": b"a\n1\n2\n"}, got)
        self.setUp()
        (self.work / "in/0").mkdir(parents=True)
        (self.work / "in/0/ab.csv").write_text("a\n3\n")
        got = self.run_sql({"input": {"format": "csv"}, "output": {"format": "csv"}}, {"main": {"a*.csv": "a\n1\n"}})
        self.assertEqual({f"{PART}.csv": b"a\n1\n"}, got)

    def test_folders_are_columns_if_that_is_declared(self) -> None:
        inputs: dict[str, dict[str, str | bytes]] = {"main": {"lot=20260101PT1H000/day=01/a.csv": "a\n1\n"}}
        got = self.run_sql({"input": {"format": "csv", "partitions": True}, "output": {"format": "csv"}}, inputs)
        self.assertEqual({f"{PART}.csv": b"a,day,lot\n1,01,20260101PT1H000\n"}, got)
        self.setUp()
        self.assertEqual({f"{PART}.csv": b"a\n1\n"}, self.run_sql({"input": {"format": "csv"}, "output": {"format": "csv"}}, inputs))


class TestErrors(Case):
    """What is wrong is named, and where it is."""

    def test_errors(self) -> None:
        csv, out = {"format": "csv"}, {"format": "csv"}
        numbers = csv | {"columns": {"a": "INTEGER"}}
        cases: list[tuple[str, dict[str, Any], dict[str, str | bytes], str]] = [
            (
                "a value of another type",
                {"input": numbers},
                {"x.csv": "a,b\n1,x\ntwo,y\n"},
                r"(?s)Line: 3.*two,y.*column \"a\".*file: main: x\.csv$",
            ),
            (
                "a row that is too long",
                {"input": csv},
                {"x.csv": "a,b\n1,x\n2,y,z\n"},
                r"(?s)Line: 3.*2,y,z.*Columns: 2 Found: 3\nfile: main: x\.csv$",
            ),
            ("a row that is too short", {"input": csv}, {"x.csv": "a,b\n1,x\n2\n"}, r"(?s)Line: 3.*Columns: 2 Found: 1"),
            ("a quote that does not end", {"input": csv}, {"x.csv": 'a,b\n1,"x\n2,y\n'}, r"(?s)Line: 2.*file: main: x\.csv$"),
            ("what is no UTF-8", {"input": csv}, {"x.csv": b"a\ncaf\xe9\n"}, r"(?s)Line: 2.*not utf-8.*file: main: x\.csv$"),
            (
                "a column that is missing",
                {"input": numbers},
                {"x.csv": "b,c\n1,2\n"},
                r"^main: x\.csv has no column a; its header is: b, c$",
            ),
            ("a column that is there twice", {"input": csv}, {"x.csv": "b,b\n1,2\n"}, r"names a column twice"),
            (
                "half a line of JSON",
                {"input": {"format": "json"}},
                {"x.json": '{"a":1}\n{"a":\n'},
                r"Malformed JSON in file \"main: x\.json\"",
            ),
            ("no Parquet", {"input": {"format": "parquet"}}, {"x": b"PAR1" + bytes(40)}, r"main: x"),
            (
                "a line without the pattern",
                {"input": {"format": "text", "pattern": "(?P<a>[0-9]+)"}, "sql": "SELECT count(*) FROM main"},
                {"x": "1\nb2\n"},
                r"the pattern does not match the line b2 of main: x$",
            ),
            ("a column that there is not", {"input": csv, "sql": "SELECT c FROM main"}, {"x.csv": "a\n1\n"}, r"(?s)\"c\" not found.*\"a\""),
            (
                "files of the machine",
                {"input": csv, "sql": "SELECT * FROM read_text('/etc/passwd')"},
                {"x.csv": "a\n1\n"},
                r"Permission Error",
            ),
            (
                "settings",
                {"input": csv, "sql": "SET enable_external_access = true"},
                {"x.csv": "a\n1\n"},
                r"^sql: want one SELECT, and nothing else$",
            ),
            (
                "two statements",
                {"input": csv, "sql": "SELECT 1; SELECT 2"},
                {"x.csv": "a\n1\n"},
                r"^sql: want one SELECT, and nothing else$",
            ),
            (
                "a way out of the statement",
                {"input": csv, "sql": "SELECT 1) TO '/x' (FORMAT csv); --"},
                {"x.csv": "a\n1\n"},
                r"^sql: Parser Error",
            ),
            ("a text of two columns", {"input": csv, "output": {"format": "text"}}, {"x.csv": "a,b\n1,2\n"}, r"one column; sql has 2$"),
            (
                "a text with line breaks",
                {"input": csv, "output": {"format": "text"}},
                {"x.csv": 'a\n"1\n2"\n'},
                r"would have a line break: 1",
            ),
            (
                "a partition that is no column",
                {"input": csv, "output": {"format": "csv", "partitionBy": ["z"]}},
                {"x.csv": "a\n1\n"},
                r"expected to find z",
            ),
            ("no columns to read by", {"input": csv}, {"x.csv": ""}, r"nothing names the columns"),
        ]
        for reason, params, files, want in cases:
            with self.subTest(reason):
                self.setUp()
                self.assertRegex(self.fails({"output": out} | params, {"main": files}), want)

    def test_params(self) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({"input": {"format": "xml"}}, "input.format is 'xml'"),
            ({"input": {"format": "csv", "header": False}}, "nothing names the columns"),
            ({"input": {"format": "text", "pattern": "(a"}}, "input.pattern is no regular expression"),
            ({"input": {"format": "text", "pattern": "(a)"}}, "needs a name"),
            (
                {"output": {"format": "csv", "compression": "snappy"}},
                "output.compression is 'snappy', which csv has not; want one of: none, gzip, zstd",
            ),
            ({"output": {"filename": "../x"}}, "output.filename is '../x'"),
            ({"output": {"filename": "{i}"}}, "output.filename is '{i}'"),
        ]
        for params, want in cases:
            with self.subTest(want), self.assertRaises(TransformError) as caught:
                parse_params(params)
            self.assertIn(want, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
