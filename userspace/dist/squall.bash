# SPDX-License-Identifier: GPL-2.0-only
# bash completion for squall. Commands, options, faults and runs are what the program itself says.
# shellcheck shell=bash

_squall()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]:-} words
	local squall=${COMP_WORDS[0]}

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words="$("$squall" --help 2> /dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p') --help --version"
	elif [ "$prev" = --report ] || [ "$prev" = --format ]; then
		words="text json html junit markdown prometheus"
	elif [ "$prev" = --mark ]; then
		words="detected acknowledged diagnosed mitigated"
	elif [[ $cur == -* ]]; then
		[ "$command" != inject ] || [[ ${COMP_WORDS[2]:-} != *.* ]] || command="inject ${COMP_WORDS[2]}"
		# shellcheck disable=SC2086
		words="$("$squall" $command --help 2> /dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p') --help"
	else
		case $command in
		faults | inject) words=$("$squall" faults 2> /dev/null | sed -n 's/^\([a-z]*\.[a-z_]*\) .*/\1/p') ;;
		report | wait)
			words="last $("$squall" runs 2> /dev/null | sed -n 's/^\([0-9-]*-[a-z]\{4\}\) .*/\1/p')"
			[ "$command" = wait ] || words+=" day-last"
			;;
		abort | recover) words=$("$squall" status 2> /dev/null | sed -n 's/^\([0-9-]*-[a-z]\{4\}\): .*/\1/p') ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "${words:-}" -- "$cur")
}

complete -o default -F _squall squall
