// Reads readings of sensors, one `sensor,unit,value` a line, from the file that the
// first argument names, and prints a report. Without one it reports on a sample.
import { readFileSync } from "node:fs";

enum Unit {
  Celsius = "C",
  Percent = "%",
  Hectopascal = "hPa",
}

interface Reading {
  readonly sensor: string;
  readonly unit: Unit;
  readonly value: number;
}

type Result<T> = { ok: true; value: T } | { ok: false; problem: string };

const SAMPLE = `
attic,C,31.5
cellar,C,11.0
attic,C,33.1
cellar,%,78
attic,C,broken
roof,hPa,1013.2
cellar,C,12.2
roof,K,280
`;

function unitOf(text: string): Unit | undefined {
  return Object.values(Unit).find((unit: string) => unit === text) as Unit | undefined;
}

function parse(line: string): Result<Reading> {
  const [sensor = "", symbol = "", amount = ""] = line.split(",").map((part) => part.trim());
  const unit = unitOf(symbol);
  const value = Number(amount);
  if (sensor === "") return { ok: false, problem: `no sensor in "${line}"` };
  if (unit === undefined) return { ok: false, problem: `no unit is called "${symbol}"` };
  if (amount === "" || Number.isNaN(value)) {
    return { ok: false, problem: `"${amount}" is not a number` };
  }
  return { ok: true, value: { sensor, unit, value } };
}

function groupBy<T, K extends string>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item)) ?? [];
    groups.set(key(item), [...group, item]);
  }
  return groups;
}

class Summary {
  constructor(
    readonly name: string,
    private readonly values: readonly number[],
  ) {}

  private get mean(): number {
    return this.values.reduce((sum, value) => sum + value, 0) / this.values.length;
  }

  toString(): string {
    const [least, most] = [Math.min(...this.values), Math.max(...this.values)];
    const count = String(this.values.length).padStart(3);
    const mean = this.mean.toFixed(2).padStart(9);
    return `${this.name.padEnd(14)} ${count} ${mean}   ${least.toFixed(1)} to ${most.toFixed(1)}`;
  }
}

function report(text: string): string[] {
  const parsed = text.split("\n").filter((line) => line.trim() !== "").map(parse);
  const good = parsed.flatMap((result) => (result.ok ? [result.value] : []));
  const bad = parsed.flatMap((result) => (result.ok ? [] : [result.problem]));
  const groups = groupBy(good, ({ sensor, unit }: Reading): string => `${sensor} (${unit})`);
  const rows = [...groups.entries()]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, readings]) => new Summary(name, readings.map(({ value }) => value)).toString());
  const header = `${"sensor".padEnd(14)} ${"n".padStart(3)} ${"mean".padStart(9)}   range`;
  return [header, ...rows, ...bad.map((problem) => `left out: ${problem}`)];
}

const path: string | undefined = process.argv[2];
console.log(report(path === undefined ? SAMPLE : readFileSync(path, "utf8")).join("\n"));
