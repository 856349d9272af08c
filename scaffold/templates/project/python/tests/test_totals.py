import os
import tempfile
import unittest
from unittest import mock

from arcs import ingest, lot, totals


class Totals(unittest.TestCase):
    def test_shops_are_added_up_over_files(self):
        self.assertEqual({"a": 4, "b": 2}, totals.totals(["shop,amount\na,1\nb,2\n", "shop,amount\na,3\n"]))

    def test_nothing_was_sold(self):
        self.assertEqual({}, totals.totals([]))

    def test_what_one_arc_writes_the_next_one_reads(self):
        with tempfile.TemporaryDirectory() as folder:
            address = f"file://{folder}/a lot/"
            with mock.patch.dict(os.environ, {"TRUNKLINE_WRITE_MAIN": address.replace(" ", "%20"), "TRUNKLINE_READ_RAW": address.replace(" ", "%20")}):
                lot.write("MAIN", "orders.csv", ingest.orders("2026-01-01"))
                self.assertEqual({"north": 20, "south": 30}, totals.totals(lot.read("RAW")))


if __name__ == "__main__":
    unittest.main()
