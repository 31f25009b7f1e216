# SPDX-License-Identifier: GPL-2.0-only
"""The table of tests/bench/run: reads the rows that benches wrote, prints them."""
import statistics
import sys


def text(value):
    return '%.4g' % value if value < 1000 else '%.0f' % value


def line(bench, what, unit, goal, pairs):
    values = [tuple(map(float, pair.split())) for pair in pairs.split(',') if pair]
    without = statistics.median(a for a, _ in values)
    under = statistics.median(b for _, b in values)
    ratios = sorted(b / a for a, b in values if a > 0)
    more = statistics.median(b - a for a, b in values)
    ratio = '%.3f (%.3f to %.3f)' % (statistics.median(ratios), ratios[0], ratios[-1]) if ratios else '-'
    return [bench, what, text(without) + ' ' + unit, text(under) + ' ' + unit, '%+.4g' % more, ratio,
            goal]


def main():
    table = [['bench', 'what', 'without', 'with', 'more', 'ratio', 'goal']]
    notes = []
    for entry in open(sys.argv[1]):
        bench, kind, *rest = entry.rstrip('\n').split('\t')
        if kind == 'row':
            table.append(line(bench, *rest))
        else:
            notes.append('%s: %s' % (bench, rest[0]))
    widths = [max(map(len, column)) for column in zip(*table)]
    for i, cells in enumerate(table):
        print('| ' + ' | '.join(cell.ljust(width) for cell, width in zip(cells, widths)) + ' |')
        if i == 0:
            print('|-' + '-|-'.join('-' * width for width in widths) + '-|')
    for note in notes:
        print(note)


main()
