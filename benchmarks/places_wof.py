"""Turn Who's On First tables into a file for `watchdesk gazetteer build --extra`: python -m benchmarks.places_wof --data DIR --out FILE [sy ua ...]"""

from __future__ import annotations

import argparse
import csv
import gzip
from pathlib import Path

KEPT = {"eng", "ara", "ukr", "rus", "heb", "tur", "und", "fas", "kur"}
LEVELS = {"region": "region", "county": "district", "localadmin": "district", "locality": "village", "neighbourhood": "neighbourhood", "borough": "neighbourhood"}  # fmt: skip


def convert(data: Path, countries: list[str], out: Path) -> int:
    count = 0
    csv.field_size_limit(1 << 24)
    with out.open("w", encoding="utf-8") as file:
        file.write("id\tname\tcountry\tlat\tlon\tlevel\tpopulation\tnames\n")
        for country in countries:
            with gzip.open(data / "gazetteer" / f"wof_{country}.tsv.gz", "rt", encoding="utf-8") as table:
                for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
                    level = LEVELS.get(row["placetype"])
                    if level is None or not row["lat"] or not row["name"]:
                        continue
                    pairs = (pair.split("=", 1) for pair in row["names"].split("|") if "=" in pair)
                    names = dict.fromkeys(name.strip() for lang, name in pairs if lang in KEPT and 1 < len(name) < 100)
                    fields = (f"wof:{row['wof_id']}", row["name"][:100], country.upper(), row["lat"], row["lon"], level, row["population"] or "", "|".join(list(names)[:100]))  # fmt: skip
                    file.write("\t".join(fields) + "\n")
                    count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("countries", nargs="*", default=["sy", "ua", "ps", "lb", "iq", "ye", "sd", "ly", "il", "jo"])
    options = parser.parse_args()
    if not options.data.is_dir():
        print("not run: no data")
        return
    print(convert(options.data, options.countries, options.out), "places")


if __name__ == "__main__":
    main()
