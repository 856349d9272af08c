"""Adds up what each shop has sold."""

import csv
import io
import json

from arcs import lot


def totals(texts):
    """Returns the sum of the amounts of each shop, of several files of CSV."""
    out = {}
    for text in texts:
        for row in csv.DictReader(io.StringIO(text)):
            out[row["shop"]] = out.get(row["shop"], 0) + int(row["amount"])
    return out


if __name__ == "__main__":
    found = totals(lot.read("RAW"))
    lot.write("MAIN", "totals.json", "".join(json.dumps({"shop": shop, "amount": found[shop]}) + "\n" for shop in sorted(found)))
