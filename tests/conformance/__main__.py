"""``python -m tests.conformance [patterns]``: compare with the installed PyTorch, and write down how far the two agree."""

from __future__ import annotations

import argparse
import fnmatch
import pathlib

from . import engine, report
from .everything import subjects


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("patterns", nargs="*", help="names, as torch.linalg.* or Tensor.add_; all where none is given")
    parser.add_argument("--fast", action="store_true", help="a few cases of each name")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--show", type=int, default=3, help="differing cases to print for each name")
    parser.add_argument("--bad", action="store_true", help="print only the names that differ")
    parser.add_argument("--again", action="store_true", help="take up nothing of an earlier run of the same code")
    parser.add_argument("--list", action="store_true", help="only the names")
    options = parser.parse_args()
    chosen = [
        s for s in subjects() if not options.patterns or any(fnmatch.fnmatchcase(s.name, p) for p in options.patterns)
    ]
    if options.list:
        print(*(f"{s.kind:14} {s.name}{'' if s.present else '  ABSENT'}" for s in chosen), sep="\n")
        return

    def show(record):
        if record.differing or not options.bad:
            print(report.line(record), flush=True)
            for label, wrong in record.differing[: options.show]:
                print(f"         {wrong}   <- {label}")

    folder = engine.ROOT / "runs" / "conformance"
    cache = None if options.patterns else folder / f"{engine.digest(options.fast)}.jsonl"
    if cache and options.again:
        cache.unlink(missing_ok=True)
    records = engine.run(chosen, jobs=options.jobs, fast=options.fast, cache=cache, show=show)
    print(report.totals(records))
    if not options.patterns and not options.fast:
        path = pathlib.Path("docs/results/conformance.md")
        path.write_text(report.document(records))
        print(f"written to {path}")


if __name__ == "__main__":
    main()
