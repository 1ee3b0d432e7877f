"""The plan as a picture, drawn without a library."""

WIDTH, HEIGHT, MARGIN = 720, 420, 56
STEP = 1000  # billions between two lines of the grid


def draw(rows, actual):
    """An SVG: the band of the futures, the plan in it, and what came."""
    first = min(actual)
    last = rows[-1]["fiscal_year"]
    top = max(max(row["high"] for row in rows), max(actual.values()))

    def point(year, value):
        x = MARGIN + (year - first) / (last - first) * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN)
        return f"{x:.1f},{y:.1f}"

    def path(points):
        return " ".join(point(year, value) for year, value in points)

    band = [(row["fiscal_year"], row["high"]) for row in rows]
    band += [(row["fiscal_year"], row["low"]) for row in reversed(rows)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        "<title>Federal receipts and the plan, billions of dollars</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for level in range(0, int(top) + 1, STEP):
        left, right = point(first, level), point(last, level)
        x, y = left.split(",")
        parts.append(f'<polyline points="{left} {right}" stroke="#ccc" fill="none"/>')
        place = f'x="{float(x) - 6:.1f}" y="{float(y) + 4:.1f}" text-anchor="end"'
        parts.append(f"<text {place}>{level}</text>")
    for year in range(first - first % 10 + 10, last + 1, 10):
        x, y = point(year, 0).split(",")
        place = f'x="{x}" y="{float(y) + 20:.1f}" text-anchor="middle"'
        parts.append(f"<text {place}>{year}</text>")
    parts += [
        f'<polygon points="{path(band)}" fill="#9ecae1" opacity="0.6"/>',
        f'<polyline points="{path(sorted(actual.items()))}" fill="none" stroke="black"/>',
        f'<polyline points="{path([(row["fiscal_year"], row["plan"]) for row in rows])}" '
        'fill="none" stroke="#2171b5" stroke-width="2"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
