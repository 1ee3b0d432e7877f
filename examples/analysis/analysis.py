"""When, where and with whom do flights leave New York late, and does the weather matter?

Reads the tables in a directory (the first argument, else `data` beside this
file) and prints five tables. The same tables give the same text.
"""

import sys
from pathlib import Path

import pandas as pd

LATE_MINUTES = 15


def load(directory: Path) -> pd.DataFrame:
    """Each flight with its carrier's name and the weather of its hour."""
    flights = pd.read_csv(directory / "flights.csv")
    weather = pd.read_csv(directory / "weather.csv")
    airlines = pd.read_csv(directory / "airlines.csv")
    hour = ["origin", "year", "month", "day", "hour"]
    observed = weather[[*hour, "precip", "visib", "wind_speed"]].drop_duplicates(hour)
    merged = flights.merge(airlines, on="carrier", how="left", validate="many_to_one")
    merged = merged.merge(observed, on=hour, how="left", validate="many_to_one")
    merged["late"] = (merged["dep_delay"] >= LATE_MINUTES).where(merged["dep_delay"].notna())
    merged["cancelled"] = merged["dep_time"].isna()
    return merged


def summary(flights: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Count, share late, mean delay and share cancelled of each group."""
    groups = flights.groupby(by, observed=True, sort=True)
    return pd.DataFrame(
        {
            "flights": groups.size(),
            "late_pct": (groups["late"].apply(lambda late: late.dropna().mean()) * 100).round(1),
            "mean_delay": groups["dep_delay"].mean().round(1),
            "cancelled_pct": (groups["cancelled"].mean() * 100).round(1),
        }
    )


def show(title: str, table: pd.DataFrame) -> None:
    """Prints one table under its title."""
    print(f"{title}\n{table.reset_index().to_string(index=False)}\n")


def part_of_day(hours: pd.Series) -> pd.Series:
    """Night, morning, afternoon or evening."""
    labels = ["night", "morning", "afternoon", "evening"]
    return pd.cut(hours, [-1, 5, 11, 17, 23], labels=labels).rename("departure")


def sky(flights: pd.DataFrame) -> pd.Series:
    """What the weather was like at the hour of departure."""
    kind = pd.Series("clear", index=flights.index, name="weather")
    kind[flights["wind_speed"] >= 20] = "windy"
    kind[flights["precip"] > 0] = "rain or snow"
    kind[flights["visib"] < 2] = "poor visibility"
    kind[flights["visib"].isna()] = "unknown"
    return kind


def worst_days(flights: pd.DataFrame) -> pd.DataFrame:
    """The five days with the largest share of cancelled flights."""
    dates = pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    days = summary(flights, dates.rename("day"))
    return days.sort_values(["cancelled_pct", "flights"], ascending=False).head(5)


def main() -> None:
    """Prints every table."""
    default = Path(__file__).resolve().parent / "data"
    flights = load(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
    print(f"{len(flights):,} flights, {flights['cancelled'].sum():,} of them cancelled\n")
    show("By airport", summary(flights, flights["origin"]))
    show("By carrier", summary(flights, flights["name"]).sort_values("flights", ascending=False))
    show("By time of day", summary(flights, part_of_day(flights["hour"])))
    show("By weather", summary(flights, sky(flights)))
    show("Worst days", worst_days(flights))


if __name__ == "__main__":
    main()
