"""Headers drawn from the rules of CRDS contexts: values that the rules match, odd ones, and none."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from hstdputils.references.bestrefs import load_crds

INSTRUMENTS = ("acs", "cos", "stis", "wfc3")

ODD = ("", "N/A", "ANY", "*", "XYZ", "-999", "-1", "0", "1.5", "4294967295", "T", "False", "1E3", "OMIT", "UNDEFINED")

ODD_DATES = (
    ("UNDEFINED", "00:00:00"),
    ("2009-02-30", "12:00:00"),
    ("", ""),
    ("12/05/09", "10:11:12"),
    ("2009-05-14", "00:00:00"),
    ("2009-05-13", "23:59:59.999999"),
    ("2002-03-30", "00:00:00"),
    ("1985-01-01", "00:00:00"),
    ("2011-06-07", "08:09"),
    ("2011-06-07", "08:09:10.5"),
    ("May 14 2009", "01:02:03"),
)


class Drawn:
    """Draws headers from the rules of some contexts."""

    def __init__(self, contexts: Sequence[str], seed: int) -> None:
        self.random = random.Random(seed)
        self.pools: dict[str, dict[str, list[str]]] = {}
        self.rules: dict[str, list[tuple[tuple[str, ...], tuple[Any, ...]]]] = {}
        self.dates: dict[str, list[str]] = {}
        self.instruments = []
        crds = load_crds()
        for name in INSTRUMENTS:
            imaps = [crds.rmap.get_cached_mapping(context) for context in contexts]
            imaps = [pmap.get_imap(name) for pmap in imaps if name in pmap.selections]
            if imaps:
                self.instruments.append(name)
            pools: dict[str, set[str]] = {}
            self.rules[name], dates = [], set()
            for imap in imaps:
                for keyword in imap.get_required_parkeys():
                    pools.setdefault(keyword, set())
                for rmap in imap.selections.normal_values():
                    selector = rmap.selector
                    for key, below in zip(selector.keys(), selector.choices(), strict=True):
                        self.rules[name].append((selector._parameters, key))
                        dates.update(getattr(below, "keys", list)())
                        for keyword, value in zip(selector._parameters, key, strict=True):
                            pools[keyword].update(part for part in str(value).split("|"))
                    if rmap._reffile_switch != "NONE":
                        pools[rmap._reffile_switch.upper()].update(("PERFORM", "OMIT", "COMPLETE"))
            pools.setdefault("OBSTYPE", set()).update(("SPECTROSCOPIC", "IMAGING", "INTERNAL", "CORONAGRAPHIC"))
            self.pools[name] = {keyword: sorted(values) for keyword, values in pools.items()}
            self.dates[name] = sorted(dates)

    def header(self, instrument: str) -> dict[str, str]:
        """Return a header: a rule's values, and any that others match, now and then odd ones or none."""
        draw = self.random
        header = {"INSTRUME": instrument.upper()}
        for keyword, values in self.pools[instrument].items():
            if draw.random() < 0.04:
                if draw.random() < 0.6:
                    header[keyword] = draw.choice(ODD)
            elif values:
                header[keyword] = draw.choice(values)
        for _ in range(draw.choice((1, 2))):
            names, key = draw.choice(self.rules[instrument])
            header |= {name: draw.choice(str(value).split("|")) for name, value in zip(names, key, strict=True)}
        header = {name: draw.choice(ODD) if value in ("*", "N/A") else value for name, value in header.items()}
        return header | dict(zip(("DATE-OBS", "TIME-OBS"), self.date(instrument), strict=True))

    def date(self, instrument: str) -> tuple[str, str]:
        """Return date and time: any, or near one from which on a reference holds."""
        draw = self.random
        kind = draw.random()
        if kind < 0.05:
            return draw.choice(ODD_DATES)
        if kind < 0.35 and self.dates[instrument]:
            moment = datetime.fromisoformat(draw.choice(self.dates[instrument]))
            moment += timedelta(seconds=draw.choice((-1, 0, 1)))
        else:
            moment = datetime(1996, 1, 1) + timedelta(seconds=draw.randrange(26 * 365 * 86_400))
        day, _, time = moment.isoformat(" ").partition(" ")
        return day, time

    def headers(self, count: int) -> Iterator[dict[str, str]]:
        """Yield headers of all instruments in turn; every third one is the one before it, of other years."""
        header: dict[str, str] = {}
        for number in range(count):
            if number % 3 == 2:
                day = f"{self.random.choice((2001, 2003, 2007, 2011, 2016))}-06-07"
                yield header | {"DATE-OBS": day, "TIME-OBS": "08:09:10"}
                continue
            header = self.header(self.instruments[number % len(self.instruments)])
            yield header
