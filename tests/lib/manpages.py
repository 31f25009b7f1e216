# SPDX-License-Identifier: GPL-2.0-only
"""manpages.py SCHEMA COMMANDS OPTIONS POLICY-TABLES SQUALL.1 SQUALL-POLICY.5 SQUALL-EXPERIMENT.5

Compares the pages with the program: every command with each of its options ("COMMAND OPTION" a line),
every key and every fault of the experiment's schema, every key of the policy's tables; and a key that
a page lists must be one of these. Tells what is missing where; exits with how much.
"""
import json
import re
import sys

schema_file, commands_file, options_file, tables_file, *pages = sys.argv[1:]
main, policy, experiment = (open(page).read() for page in pages)
wrong = []


def words(page, macros):
    """What stands behind .Cm, whichever line macro brings it."""
    found = set()
    for line in page.splitlines():
        if re.match(macros, line):
            found.update(re.findall(r'[\w.@-]+', line.split('Cm', 1)[1]))
    return found


def schema_words(node, keys, values):
    """The names of properties, and the values that are listed, anywhere in a schema."""
    if isinstance(node, list):
        for item in node:
            schema_words(item, keys, values)
    elif isinstance(node, dict):
        if isinstance(node.get('properties'), dict):
            keys.update(node['properties'])
        values.update(str(value) for value in [*node.get('enum', []), node.get('const', '')])
        for item in node.values():
            schema_words(item, keys, values)


# squall.1: the part of each command, up to the next one's
commands = open(commands_file).read().split()
parts = re.split(r'^\.It Cm (?=(?:%s)\b)' % '|'.join(commands), main, flags=re.M)[1:]
described = {part.split()[0]: part for part in parts}
wrong += [f'squall.1 lacks the command {command}' for command in commands if command not in described]
wanted = [line.split() for line in open(options_file)]
if len(wanted) < 30:
    wrong.append(f'these are not all options: {wanted}')
for command, option in wanted:
    if not re.search(r'(?<![\w-])-%s(?![\w-])' % option, described.get(command, '')):
        wrong.append(f'squall.1 lacks --{option} of {command}')
for command, part in described.items():
    for option in re.findall(r'Fl -([\w-]+)', part.split('.Sh ')[0]):
        # one command's may stand with another's: "the formats are those of --report"
        if option not in [known for _, known in wanted] and option != 'help':
            wrong.append(f'squall.1 has --{option} at {command}, and the program has not')

# squall-experiment.5
keys, values = set(), set()
schema_words(json.load(open(schema_file)), keys, values)
if len(keys) < 100:
    wrong.append(f'the schema has few keys: {sorted(keys)}')
told = words(experiment, r'\.(It Cm|Cm|Brq Cm|Pf . Cm)\b')
faults = {value for value in values if re.fullmatch(r'(network|syscall)\.\w+', value)}
wrong += [f'squall-experiment.5 lacks {key}' for key in sorted(keys - told)]
wrong += [f'squall-experiment.5 lacks the fault {fault}' for fault in sorted(faults)
          if f'.Ss {fault}\n' not in experiment]
listed = words(experiment, r'\.It Cm\b')
wrong += [f'squall-experiment.5 has {key}, and the schema has not' for key in sorted(listed - keys)]

# squall-policy.5
keys = set(re.findall(r'\.key = "(\w+)"', open(tables_file).read()))
keys |= set(re.findall(r'\b[A-Z]+\((\w+), "', open(tables_file).read()))
if len(keys) < 30:
    wrong.append(f'the policy has few keys: {sorted(keys)}')
wrong += [f'squall-policy.5 lacks {key}' for key in sorted(keys - words(policy, r'\.(It Cm|Cm)\b'))]
wrong += [f'squall-policy.5 has {key}, and the policy has not'
          for key in sorted(words(policy, r'\.It Cm\b') - keys - {'version'})]

for line in wrong:
    print(line)
sys.exit(min(len(wrong), 99))
